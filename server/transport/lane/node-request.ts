import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../clock.ts';
import { limitBodyTime } from '../body-deadline.ts';
import type { LaneAnswer, LaneRequest } from './lane-request.ts';
import { latin1Text } from './latin1-text.ts';
import { readBody } from './read-body.ts';

/** Until the body of a request over HTTP/2 must have come in full, ms; over HTTP/1.1 Node has a limit of its own. */
export type BodyLimit = { clock: Clock; timeoutMs: number };

/** A request that Node read, over HTTP/2 or on an HTTP/1.1 connection that the listener does not read itself. */
export class NodeRequest implements LaneRequest {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #bodyLimit: BodyLimit | undefined;
  /** Over HTTP/2 a request loses its socket when it has been answered. */
  readonly #address: string | undefined;

  /** `bodyLimit` for a request whose body is read through this. */
  constructor(exchange: { request: IncomingMessage; response: ServerResponse; bodyLimit?: BodyLimit }) {
    const { request } = exchange;
    this.#request = request;
    this.#response = exchange.response;
    this.#bodyLimit = exchange.bodyLimit;
    this.#address = request.httpVersionMajor === 2 ? request.socket.remoteAddress : undefined;
  }

  get method(): string {
    return this.#request.method ?? '';
  }

  get target(): string {
    return this.#request.url ?? '';
  }

  get remoteAddress(): string {
    return this.#address ?? this.#request.socket?.remoteAddress ?? '';
  }

  header(name: string): string | undefined {
    const value = this.#request.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }

  readBody(maxBytes: number, done: (body: Buffer | null) => void): void {
    if (this.#bodyLimit) limitBodyTime(this.#request, this.#bodyLimit);
    readBody(this.#request, maxBytes, done);
  }

  onLeave(run: () => void): void {
    const response = this.#response;
    const onClose = (): void => {
      if (!response.writableFinished) run();
    };
    if (response.destroyed) onClose();
    else response.once('close', onClose);
  }

  answer({ status, headers, body }: LaneAnswer, last: boolean): void {
    const response = this.#response;
    if (response.destroyed || response.headersSent) return;
    const bytes = Buffer.byteLength(body);
    const lines: (string | number)[] = ['content-length', bytes];
    for (const name in headers) lines.push(name, headers[name]!);
    if (last && response.req.httpVersionMajor === 1) lines.push('connection', 'close');
    response.writeHead(status, lines as never);
    // As text, small bodies go into the socket together with the headers; and ASCII needs no transcoding on its way.
    if (typeof body !== 'string') response.end(bytes < 4096 ? latin1Text(body) : body, 'latin1');
    else response.end(body, bytes === body.length ? 'latin1' : 'utf8');
  }
}
