import type { LaneAnswer, LaneRequest } from '../transport/lane/lane-request.ts';
import type { Http1Connection } from './http1-connection.ts';
import type { Http1Head } from './http1-head.ts';

/** A request on a connection that the listener reads itself. */
export class Http1Request implements LaneRequest {
  readonly #connection: Http1Connection;
  readonly #head: Http1Head;
  #bodyMaxBytes = 0;
  #onBody: ((body: Buffer | null) => void) | null = null;
  #onLeave: (() => void) | null = null;
  #left = false;

  constructor(connection: Http1Connection, head: Http1Head) {
    this.#connection = connection;
    this.#head = head;
  }

  get method(): string {
    return this.#head.method;
  }

  get target(): string {
    return this.#head.target;
  }

  get remoteAddress(): string {
    return this.#connection.remoteAddress;
  }

  header(name: string): string | undefined {
    return this.#head.fields.values.get(name);
  }

  readBody(maxBytes: number, done: (body: Buffer | null) => void): void {
    this.#bodyMaxBytes = maxBytes;
    this.#onBody = done;
  }

  onLeave(run: () => void): void {
    if (this.#left) run();
    else this.#onLeave = run;
  }

  answer(answer: LaneAnswer, last: boolean): void {
    this.#connection.answer(this, answer, last);
  }

  /** Whether the body is to be kept while it comes. */
  get keepsBody(): boolean {
    return this.#head.fields.contentLength <= this.#bodyMaxBytes;
  }

  /** For the connection: the body has come in full; `body` is empty when it was not kept. */
  bodyCame(body: Buffer): void {
    this.#onBody?.(this.keepsBody ? body : null);
  }

  /** For the connection: it is gone, and there was no answer. */
  callerLeft(): void {
    this.#left = true;
    this.#onLeave?.();
  }
}
