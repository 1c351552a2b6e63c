import type { RequestListener } from 'node:http';
import type { Clock } from '../../clock.ts';
import type { Invoker } from '../invoker.ts';
import type { RestRoute } from '../rest-bridge.ts';
import { type HttpLane, LaneWriter } from './http-lane.ts';
import { restLane } from './rest-lane.ts';

/** The kinds of calls that have a lane of their own. */
export type LaneName = 'rest';

export const allLanes: readonly LaneName[] = ['rest'];

/** The short ways past the framework; everything that they leave takes the common way, with the same answer. */
export class Lanes {
  readonly #writer = new LaneWriter();
  readonly #httpLanes: HttpLane[] = [];

  constructor(names: readonly LaneName[], options: { routes: readonly RestRoute[]; invoker: Invoker; clock: Clock }) {
    if (names.includes('rest')) this.#httpLanes.push(restLane({ ...options, writer: this.#writer }));
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
