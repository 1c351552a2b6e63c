import { connect, type Socket } from 'node:net';
import type { AnswerListener, LoadConnection, LoadConnectionEvents } from './load-connection.ts';

const readBytes = 65_536;
const headEnd = Buffer.from('\r\n\r\n');
const chunkedEnd = Buffer.from('0\r\n\r\n');
/** Of an answer that is not good, so much is kept to say what was wrong. */
const problemChars = 300;

/** Waiting for the head, for so many more bytes of the body, or for the end of a chunked body. */
const HEAD = -1;
const CHUNKED = -2;

type Options = { port: number; nextRequest: () => Buffer } & LoadConnectionEvents;

/**
 * A keep-alive connection over a bare socket that writes prepared bytes and only counts what comes back: status, and
 * `content-length` or the end of a chunked body. One request is under way at a time, so answers cannot be mixed up.
 */
export class Http1Connection implements LoadConnection {
  readonly #socket: Socket;
  readonly #nextRequest: () => Buffer;
  readonly #onAnswer: AnswerListener;
  /** Where the number of `content-length` stood last time: mostly it stands there again. */
  #lengthAt = 0;
  #startedMs = 0;
  #missing = HEAD;
  #problem: string | null = null;
  #split: Buffer = Buffer.alloc(0);
  #closed = false;

  constructor({ port, nextRequest, onAnswer, onBroken }: Options) {
    this.#nextRequest = nextRequest;
    this.#onAnswer = onAnswer;
    const onread = {
      buffer: Buffer.alloc(readBytes),
      callback: (count: number, bytes: Uint8Array) => this.#read(count, bytes as Buffer),
    };
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true, onread } as never);
    this.#socket.on('error', (error) => this.#closed || onBroken(error.message));
    this.#socket.on('end', () => this.#closed || onBroken('the server closed the connection'));
  }

  send(startedMs: number): void {
    this.#startedMs = startedMs;
    this.#socket.write(this.#nextRequest());
  }

  flush(): void {}

  close(): void {
    this.#closed = true;
    this.#socket.destroy();
  }

  #read(count: number, buffer: Buffer): boolean {
    if (this.#missing === HEAD) this.#readHead(count, buffer);
    else if (this.#missing === CHUNKED) this.#readChunks(count, buffer);
    else this.#readBody(count);
    return true;
  }

  #readHead(count: number, buffer: Buffer): void {
    let bytes = buffer;
    let length = count;
    if (this.#split.length > 0) {
      bytes = Buffer.concat([this.#split, buffer.subarray(0, count)]);
      length = bytes.length;
      this.#split = Buffer.alloc(0);
    }
    const end = bytes.indexOf(headEnd);
    // The buffer is used again and again: what stands behind `length` is of an answer before.
    if (end < 0 || end + 4 > length) {
      this.#split = Buffer.from(bytes.subarray(0, length));
      return;
    }
    // "HTTP/1.1 2xx"
    this.#problem = bytes[9] === 0x32 ? null : bytes.toString('latin1', 0, Math.min(length, problemChars));
    const bodyLength = this.#contentLength(bytes, end);
    const came = length - end - 4;
    if (bodyLength === CHUNKED) {
      this.#missing = CHUNKED;
      this.#readChunks(came, bytes.subarray(end + 4, length));
    } else {
      this.#missing = bodyLength;
      this.#readBody(came);
    }
  }

  #readBody(count: number): void {
    this.#missing -= count;
    if (this.#missing === 0) this.#answered();
    else if (this.#missing < 0) throw new Error('the answer is longer than it says');
  }

  /** The end of a chunked body is the end of what came: nothing follows before the next request. */
  #readChunks(count: number, bytes: Buffer): void {
    let tail = bytes.subarray(Math.max(0, count - chunkedEnd.length), count);
    if (tail.length < chunkedEnd.length) tail = Buffer.concat([this.#split, tail]).subarray(-chunkedEnd.length);
    if (tail.equals(chunkedEnd)) {
      this.#split = Buffer.alloc(0);
      this.#answered();
    } else {
      this.#split = Buffer.from(tail);
    }
  }

  #contentLength(bytes: Buffer, end: number): number {
    let at = this.#lengthAt;
    if (at > end || !followsLengthName(bytes, at)) {
      const head = bytes.toString('latin1', 0, end).toLowerCase();
      const found = /\r\ncontent-length: */.exec(head);
      if (!found) {
        if (/\r\ntransfer-encoding: *chunked/.test(head)) return CHUNKED;
        throw new Error('an answer without content-length that is not chunked');
      }
      at = found.index + found[0].length;
      this.#lengthAt = at;
    }
    let length = 0;
    for (let digit = bytes[at]! - 48; digit >= 0 && digit <= 9; digit = bytes[++at]! - 48) length = length * 10 + digit;
    return length;
  }

  #answered(): void {
    this.#missing = HEAD;
    this.#onAnswer({ connection: this, startedMs: this.#startedMs, nowMs: performance.now(), problem: this.#problem });
  }
}

/** Whether "th: " stands before `at`, as at the end of "content-length: " and of no other header. */
function followsLengthName(bytes: Buffer, at: number): boolean {
  return (
    at >= 4 && bytes[at - 1] === 0x20 && bytes[at - 2] === 0x3a && bytes[at - 3] === 0x68 && bytes[at - 4] === 0x74
  );
}
