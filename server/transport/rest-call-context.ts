import type { IncomingMessage, ServerResponse } from 'node:http';
import { Code, ConnectError } from '@connectrpc/connect';
import type { InvokeContext } from './invoker.ts';

/** The context of a REST call. Nothing is computed until a handler asks: most ask for little. */
export class RestCallContext implements InvokeContext {
  readonly deadline = null;
  readonly receivedMs: number;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  #signal: AbortSignal | null = null;

  constructor(options: { request: IncomingMessage; response: ServerResponse; receivedMs: number }) {
    this.#request = options.request;
    this.#response = options.response;
    this.receivedMs = options.receivedMs;
  }

  get signal(): AbortSignal {
    this.#signal ??= abortedOnClose(this.#response);
    return this.#signal;
  }

  get remoteAddress(): string {
    return this.#request.socket.remoteAddress ?? '';
  }

  get userAgent(): string {
    return this.#request.headers['user-agent'] ?? '';
  }

  header(name: string): string | null {
    const value = this.#request.headers[name.toLowerCase()];
    return Array.isArray(value) ? value.join(', ') : (value ?? null);
  }
}

function abortedOnClose(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  const onClose = (): void => {
    if (!response.writableFinished) controller.abort(new ConnectError('the caller left', Code.Canceled));
  };
  if (response.destroyed) onClose();
  else response.once('close', onClose);
  return controller.signal;
}
