import type { IncomingMessage, ServerResponse } from 'node:http';
import { Code, ConnectError } from '@connectrpc/connect';
import type { InvokeContext } from './invoker.ts';
import type { CallDeadline } from './lane/call-deadline.ts';

/** The context of a call that came as an HTTP request. Nothing is computed until a handler asks: most ask for little. */
export class HttpCallContext implements InvokeContext {
  readonly deadline: AbortSignal | null;
  readonly receivedMs: number;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  /** Over HTTP/2 a request loses its socket when it has been answered. */
  readonly #address: string | undefined;
  #controller: AbortController | null = null;

  constructor(options: {
    request: IncomingMessage;
    response: ServerResponse;
    receivedMs: number;
    deadline?: CallDeadline | null;
  }) {
    this.#request = options.request;
    this.#response = options.response;
    this.receivedMs = options.receivedMs;
    this.#address = options.request.httpVersionMajor === 2 ? options.request.socket.remoteAddress : undefined;
    this.deadline = options.deadline?.signal ?? null;
  }

  get signal(): AbortSignal {
    this.#controller ??= this.#newController();
    return this.#controller.signal;
  }

  get remoteAddress(): string {
    return this.#address ?? this.#request.socket?.remoteAddress ?? '';
  }

  get userAgent(): string {
    return this.#request.headers['user-agent'] ?? '';
  }

  header(name: string): string | null {
    const value = this.#request.headers[name.toLowerCase()];
    return Array.isArray(value) ? value.join(', ') : (value ?? null);
  }

  #newController(): AbortController {
    const controller = new AbortController();
    const { deadline } = this;
    const response = this.#response;
    const onClose = (): void => {
      if (!response.writableFinished) controller.abort(new ConnectError('the caller left', Code.Canceled));
    };
    if (response.destroyed) onClose();
    else response.once('close', onClose);
    if (deadline?.aborted) controller.abort(deadline.reason);
    else deadline?.addEventListener('abort', () => controller.abort(deadline.reason), { once: true });
    return controller;
  }
}
