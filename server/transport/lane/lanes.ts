import type { RequestListener } from 'node:http';
import type { Clock } from '../../clock.ts';
import type { BoundService } from '../../service/service-handlers.ts';
import type { Invoker } from '../invoker.ts';
import type { RestRoute } from '../rest-bridge.ts';
import { connectLane } from './connect-lane.ts';
import { grpcLane } from './grpc-lane.ts';
import { type HttpLane, LaneWriter } from './http-lane.ts';
import { type BodyLimit, NodeRequest } from './node-request.ts';
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
  readonly #bodyLimit: BodyLimit;
  /** For a server that reads HTTP/1.1 itself; undefined when there is none. */
  readonly httpLane: HttpLane | undefined;
  /** For a server that speaks HTTP/2; undefined when there is none. */
  readonly streamLane: StreamLane | undefined;

  constructor(names: readonly LaneName[], options: LanesOptions) {
    const writer = this.#writer;
    this.#bodyLimit = { clock: options.clock, timeoutMs: options.bodyTimeoutMs };
    const lanes: HttpLane[] = [];
    if (names.includes('rest')) lanes.push(restLane({ ...options, writer }));
    if (names.includes('connect')) lanes.push(connectLane({ ...options, writer }));
    this.httpLane = lanes.length === 0 ? undefined : firstOf(lanes);
    this.streamLane = names.includes('grpc') ? grpcLane(options) : undefined;
  }

  /** A listener that offers each request that Node read to the lanes, and hands what they leave to `common`. */
  before(common: RequestListener): RequestListener {
    const { httpLane } = this;
    if (httpLane === undefined) return common;
    const bodyLimit = this.#bodyLimit;
    return (request, response) => {
      if (!httpLane(new NodeRequest({ request, response, bodyLimit }))) common(request, response);
    };
  }

  /** The server is closing: connections are asked to end. */
  close(): void {
    this.#writer.close();
  }
}

function firstOf(lanes: readonly HttpLane[]): HttpLane {
  return (request) => {
    for (const lane of lanes) if (lane(request)) return true;
    return false;
  };
}
