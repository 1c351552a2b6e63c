import { Code, ConnectError } from '@connectrpc/connect';
import type { InvokeContext } from './invoker.ts';
import type { CallDeadline } from './lane/call-deadline.ts';
import type { LaneRequest } from './lane/lane-request.ts';

/** The context of a call that came as an HTTP request. Nothing is computed until a handler asks: most ask for little. */
export class HttpCallContext implements InvokeContext {
  readonly deadline: AbortSignal | null;
  readonly receivedMs: number;
  readonly #request: LaneRequest;
  #controller: AbortController | null = null;

  constructor(options: { request: LaneRequest; receivedMs: number; deadline?: CallDeadline | null }) {
    this.#request = options.request;
    this.receivedMs = options.receivedMs;
    this.deadline = options.deadline?.signal ?? null;
  }

  get signal(): AbortSignal {
    this.#controller ??= this.#newController();
    return this.#controller.signal;
  }

  get remoteAddress(): string {
    return this.#request.remoteAddress;
  }

  get userAgent(): string {
    return this.#request.header('user-agent') ?? '';
  }

  header(name: string): string | null {
    return this.#request.header(name.toLowerCase()) ?? null;
  }

  #newController(): AbortController {
    const controller = new AbortController();
    const { deadline } = this;
    this.#request.onLeave(() => controller.abort(new ConnectError('the caller left', Code.Canceled)));
    if (deadline?.aborted) controller.abort(deadline.reason);
    else deadline?.addEventListener('abort', () => controller.abort(deadline.reason), { once: true });
    return controller;
  }
}
