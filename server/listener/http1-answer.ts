import { STATUS_CODES } from 'node:http';
import type { Clock } from '../clock.ts';
import type { LaneAnswer } from '../transport/lane/lane-request.ts';
import { latin1Text } from '../transport/lane/latin1-text.ts';

/** Bodies of fewer bytes go out in one piece with their head. */
const smallBytes = 4096;

/** An answer on the wire: text to be written as latin1, and the rest of it when the body is large. */
export type Http1AnswerBytes = { text: string; rest: Uint8Array | null };

/** Writes answers with the header fields, in spelling and order, that Node would give them. */
export class Http1AnswerWriter {
  readonly #clock: Clock;
  readonly #keepAlive: string;
  #second = -1;
  #date = '';

  /** `idleTimeoutMs` is what callers are told about connections that stay. */
  constructor(options: { clock: Clock; idleTimeoutMs: number }) {
    this.#clock = options.clock;
    this.#keepAlive = `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(options.idleTimeoutMs / 1000)}\r\n`;
  }

  bytes({ status, headers, body }: LaneAnswer, last: boolean): Http1AnswerBytes {
    const length = Buffer.byteLength(body);
    let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'unknown'}\r\ncontent-length: ${length}\r\n`;
    for (const name in headers) head += `${name}: ${headers[name]}\r\n`;
    head += last
      ? `connection: close\r\nDate: ${this.#dateText()}\r\n\r\n`
      : `Date: ${this.#dateText()}\r\n${this.#keepAlive}\r\n`;
    if (typeof body === 'string' && length === body.length) return { text: head + body, rest: null };
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    return length < smallBytes ? { text: head + latin1Text(bytes), rest: null } : { text: head, rest: bytes };
  }

  /** Of the second; many answers share it. */
  #dateText(): string {
    const second = Math.floor(this.#clock.wallMs() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#date = new Date(second * 1000).toUTCString();
    }
    return this.#date;
  }
}
