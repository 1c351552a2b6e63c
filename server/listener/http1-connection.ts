import type { Socket } from 'node:net';
import type { HttpLane } from '../transport/lane/http-lane.ts';
import type { LaneAnswer } from '../transport/lane/lane-request.ts';
import type { Http1AnswerWriter } from './http1-answer.ts';
import type { Http1HeadReader } from './http1-head.ts';
import { Http1Request } from './http1-request.ts';

/** What a connection asks of the listener. */
export type Http1ConnectionPorts = {
  lane: HttpLane;
  writer: Http1AnswerWriter;
  /** Takes the socket, paused and with nothing of the next request read. */
  toNode: (socket: Socket) => void;
  /** Answers a request that never became one, by the code that Node has for it. */
  refuse: (socket: Socket, code: string) => void;
  /** The connection is no longer read here. */
  onOver: (connection: Http1Connection) => void;
};

const noBody = Buffer.alloc(0);

/**
 * An HTTP/1.1 connection that is read without node:http for as long as all that comes is plain and taken by a lane. The
 * first request that is not goes to node:http as it came, and so does the connection, for good.
 *
 * One request is under way at a time; what is sent ahead waits, unread beyond one chunk.
 */
export class Http1Connection {
  readonly #socket: Socket;
  readonly #ports: Http1ConnectionPorts;
  readonly #heads: Http1HeadReader;
  /** Taken by a lane, and not answered yet. */
  #current: Http1Request | null = null;
  /** Bytes of the body of the current request that have not come. */
  #missing = 0;
  #body: Buffer[] = [];
  /** Bytes that have come and not been looked at. */
  #waiting: Buffer | null = null;
  #advancing = false;
  #paused = false;
  /** The caller has closed its side. */
  #ended = false;
  #over = false;
  /** Sweeps since the connection last made progress. */
  #sweeps = 0;

  constructor(options: { socket: Socket; ports: Http1ConnectionPorts; heads: Http1HeadReader }) {
    this.#socket = options.socket;
    this.#ports = options.ports;
    this.#heads = options.heads;
  }

  /** Begins with bytes that have been read already. */
  start(first: Buffer): void {
    const socket = this.#socket;
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('drain', this.#onDrain);
    socket.on('error', ignore);
    socket.on('close', this.#onClose);
    this.#onData(first);
    if (!this.#over && !this.#paused) socket.resume();
  }

  get remoteAddress(): string {
    return this.#socket.remoteAddress ?? '';
  }

  /** Answers the request if it is the current one, which then is done. */
  answer(request: Http1Request, answer: LaneAnswer, last: boolean): void {
    if (this.#current !== request) return;
    this.#current = null;
    this.#sweeps = 0;
    const ends = last || (this.#ended && this.#waiting === null);
    const socket = this.#socket;
    const { text, rest } = this.#ports.writer.bytes(answer, ends);
    if (rest === null) {
      socket.write(text, 'latin1');
    } else {
      socket.cork();
      socket.write(text, 'latin1');
      socket.write(rest);
      socket.uncork();
    }
    if (ends) this.#end();
    else if (!this.#advancing) this.#advance();
  }

  /** The server closes: idle connections end at once, others with their answer (which is `last` then). */
  close(): void {
    if (this.#current === null && this.#missing === 0) this.#end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Called at even intervals; ends the connection when too many of them have passed without progress. */
  sweep(limits: { idle: number; request: number }): void {
    this.#sweeps += 1;
    if (this.#missing > 0 && !this.#over) {
      if (this.#sweeps > limits.request) this.#refuse('ERR_HTTP_REQUEST_TIMEOUT');
    } else if ((this.#current === null || this.#over) && this.#sweeps > limits.idle) {
      this.#socket.destroy();
    }
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#over) return;
    this.#waiting = this.#waiting === null ? chunk : Buffer.concat([this.#waiting, chunk]);
    if (!this.#advancing) this.#advance();
  };

  readonly #onDrain = (): void => {
    if (!this.#over) this.#advance();
  };

  readonly #onEnd = (): void => {
    this.#ended = true;
    if (!this.#over) this.#advance();
  };

  readonly #onClose = (): void => {
    const request = this.#current;
    this.#current = null;
    this.#release();
    request?.callerLeft();
  };

  /** Goes on as far as it can, and holds the caller back while bytes wait. */
  #advance(): void {
    this.#advancing = true;
    while (this.#waiting !== null && this.#step(this.#waiting));
    this.#advancing = false;
    if (this.#over) return;
    if (this.#ended) {
      if (this.#waiting !== null) return;
      if (this.#missing > 0) this.#refuse('HPE_INVALID_EOF_STATE');
      else if (this.#current === null) this.#end();
      return;
    }
    if (this.#paused === (this.#waiting !== null)) return;
    this.#paused = !this.#paused;
    if (this.#paused) this.#socket.pause();
    else this.#socket.resume();
  }

  /** False when the waiting bytes must wait on, or are no longer ours. */
  #step(bytes: Buffer): boolean {
    if (this.#missing > 0) return this.#collect(bytes);
    if (this.#current !== null || this.#socket.writableNeedDrain) return false;
    const head = this.#heads.read(bytes);
    if (head === null) return this.#handOver(bytes);
    const request = new Http1Request(this, head);
    this.#current = request;
    this.#missing = head.fields.contentLength;
    this.#waiting = bytes.length > head.length ? bytes.subarray(head.length) : null;
    this.#sweeps = 0;
    if (!this.#ports.lane(request)) return this.#handOver(bytes);
    if (this.#missing === 0) this.#current?.bodyCame(noBody);
    return !this.#over;
  }

  #collect(bytes: Buffer): boolean {
    const count = Math.min(this.#missing, bytes.length);
    this.#missing -= count;
    this.#waiting = bytes.length > count ? bytes.subarray(count) : null;
    if (this.#current?.keepsBody) this.#body.push(bytes.length > count ? bytes.subarray(0, count) : bytes);
    if (this.#missing > 0) return true;
    const [first = noBody, ...more] = this.#body;
    this.#body = [];
    this.#current?.bodyCame(more.length === 0 ? first : Buffer.concat([first, ...more]));
    return !this.#over;
  }

  /** From now on node:http reads the connection, beginning with `bytes`; it does not serve callers that have closed it. */
  #handOver(bytes: Buffer): false {
    this.#current = null;
    if (this.#ended) {
      this.#end();
      return false;
    }
    this.#release();
    this.#socket.pause();
    this.#socket.unshift(bytes);
    this.#ports.toNode(this.#socket);
    return false;
  }

  #refuse(code: string): void {
    this.#over = true;
    this.#sweeps = 0;
    this.#ports.refuse(this.#socket, code);
  }

  /** Nothing more is read; what was written still goes out, if the caller takes it in time. */
  #end(): void {
    this.#over = true;
    this.#sweeps = 0;
    this.#socket.destroySoon();
  }

  #release(): void {
    this.#over = true;
    const socket = this.#socket;
    socket.off('data', this.#onData);
    socket.off('end', this.#onEnd);
    socket.off('drain', this.#onDrain);
    socket.off('error', ignore);
    socket.off('close', this.#onClose);
    this.#ports.onOver(this);
  }
}

function ignore(): void {}
