import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../clock.ts';
import type { HttpLane } from '../transport/lane/http-lane.ts';
import { Http1AnswerWriter } from './http1-answer.ts';
import { Http1Connection, type Http1ConnectionPorts } from './http1-connection.ts';
import { Http1HeadReader } from './http1-head.ts';
import type { ListenerLimits } from './listener-limits.ts';

/** Idle and slow connections are looked for so often, all at once: a timer each would show on the path of every call. */
const sweepMs = 1000;

/** The connections that the listener reads itself. */
export class Http1Connections {
  readonly #clock: Clock;
  readonly #limits: ListenerLimits;
  readonly #ports: Http1ConnectionPorts;
  readonly #open = new Set<Http1Connection>();
  #sweeping = false;

  /** `toNode` makes a socket one of node:http's, which also is told of requests that time out. */
  constructor(options: {
    clock: Clock;
    limits: ListenerLimits;
    lane: HttpLane;
    server: Server;
    toNode: (socket: Socket) => void;
  }) {
    const { clock, limits, lane, server, toNode } = options;
    this.#clock = clock;
    this.#limits = limits;
    this.#ports = {
      lane,
      toNode,
      writer: new Http1AnswerWriter({ clock, idleTimeoutMs: limits.idleTimeoutMs }),
      refuse: (socket, code) => {
        server.emit('clientError', Object.assign(new Error('the request did not come in full'), { code }), socket);
        socket.destroySoon();
      },
      onOver: (connection) => this.#open.delete(connection),
    };
  }

  /** Begins to serve a connection that has sent `bytes`. */
  accept(socket: Socket, bytes: Buffer): void {
    const connection = new Http1Connection({ socket, ports: this.#ports, heads: new Http1HeadReader(this.#limits) });
    this.#open.add(connection);
    this.#sweepLater();
    connection.start(bytes);
  }

  /** Idle connections end at once, others with their answer. */
  close(): void {
    for (const connection of this.#open) connection.close();
  }

  destroy(): void {
    for (const connection of this.#open) connection.destroy();
  }

  #sweepLater(): void {
    if (this.#sweeping) return;
    this.#sweeping = true;
    this.#clock.after(sweepMs, () => this.#sweep());
  }

  #sweep(): void {
    this.#sweeping = false;
    const { idleTimeoutMs, requestTimeoutMs } = this.#limits;
    const limits = { idle: idleTimeoutMs / sweepMs, request: requestTimeoutMs / sweepMs };
    for (const connection of this.#open) connection.sweep(limits);
    if (this.#open.size > 0) this.#sweepLater();
  }
}
