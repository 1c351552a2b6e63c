import type { RequestListener } from 'node:http';
import type { Clock } from '../../clock.ts';
import type { BoundService } from '../../service/service-handlers.ts';
import type { Invoker } from '../invoker.ts';
import type { RestRoute } from '../rest-bridge.ts';
import { connectLane } from './connect-lane.ts';
import { grpcLane } from './grpc-lane.ts';
import { type HttpLane, LaneWriter } from './http-lane.ts';
import { restLane } from './rest-lane.ts';
import type { StreamLane } from './stream-lane.ts';

/** The kinds of calls that have a lane of their own. */
export type LaneName = 'rest' | 'connect' | 'grpc';

export const allLanes: readonly LaneName[] = ['rest', 'connect', 'grpc'];

export type LanesOptions = {
  services: readonly BoundService[];
  routes: readonly RestRoute[];
  invoker: Invoker;
  clock: Clock;
  maxBodyBytes: number;
  /** Until the body of a request over HTTP/2 must have come in full, ms. */
  bodyTimeoutMs: number;
};

/** The short ways past the framework; everything that they leave takes the common way, with the same answer. */
export class Lanes {
  readonly #writer = new LaneWriter();
  readonly #httpLanes: HttpLane[] = [];
  /** For a server that speaks HTTP/2; undefined when there is none. */
  readonly streamLane: StreamLane | undefined;

  constructor(names: readonly LaneName[], options: LanesOptions) {
    const writer = this.#writer;
    if (names.includes('rest')) this.#httpLanes.push(restLane({ ...options, writer }));
    if (names.includes('connect')) this.#httpLanes.push(connectLane({ ...options, writer }));
    this.streamLane = names.includes('grpc') ? grpcLane(options) : undefined;
  }

  /** A listener that offers each request to the lanes, and hands what they leave to `common`. */
  before(common: RequestListener): RequestListener {
    const lanes = this.#httpLanes;
    return (request, response) => {
      for (const lane of lanes) if (lane(request, response)) return;
      common(request, response);
    };
  }

  /** The server is closing: connections are asked to end. */
  close(): void {
    this.#writer.close();
  }
}
