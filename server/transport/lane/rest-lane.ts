import type { Message } from '@bufbuild/protobuf';
import type { ConnectError } from '@connectrpc/connect';
import type { Clock } from '../../clock.ts';
import { type QuickReader, quickReader } from '../codec/quick-reader.ts';
import { HttpCallContext } from '../http-call-context.ts';
import type { CallReceiver, Invoker } from '../invoker.ts';
import type { RestRoute } from '../rest-bridge.ts';
import { restErrorAnswer } from '../rest-error.ts';
import { jsonType } from '../rest-writer.ts';
import type { HttpLane, LaneWriter } from './http-lane.ts';
import type { LaneRequest } from './lane-request.ts';

type LaneRoute = { route: RestRoute; reader: QuickReader };

/** Headers that announce a body, or ask for more than an answer. */
const unusual = ['content-length', 'transfer-encoding', 'expect', 'upgrade'];

const answerHeaders = { 'content-type': jsonType, 'cache-control': 'no-store' };

/**
 * The lane of REST requests that are a path without variables and a query: `GET /ping?name=…`. What it cannot read at
 * once, or may not answer for want of a token, goes to the bridge.
 */
export function restLane(options: {
  routes: readonly RestRoute[];
  invoker: Invoker;
  clock: Clock;
  writer: LaneWriter;
}): HttpLane {
  const { invoker, clock, writer } = options;
  const table = new Map<string, LaneRoute>();
  for (const route of options.routes) {
    const { httpMethod, template, method } = route;
    if (httpMethod !== 'GET' || template.fields.length > 0) continue;
    table.set(template.routePath, { route, reader: quickReader(method.input) });
  }

  return (request) => {
    if (request.method !== 'GET') return false;
    const { target } = request;
    const queryAt = target.indexOf('?');
    const found = table.get(queryAt < 0 ? target : target.slice(0, queryAt));
    if (found === undefined || nonAscii.test(target)) return false;
    for (const name of unusual) if (request.header(name) !== undefined) return false;
    const { route, reader } = found;
    if (invoker.authorize(route.method, request) !== null) return false;
    const message = reader.parameters(queryAt < 0 ? '' : target.slice(queryAt + 1));
    if (message === null) return false;
    serve({ route, message, request });
    return true;
  };

  function serve({ route, message, request }: { route: RestRoute; message: Message; request: LaneRequest }): void {
    const context = new HttpCallContext({ request, receivedMs: clock.wallMs() });
    invoker.run(route.method, { message, context, receiver: new RestReceiver(writer, route, request) });
  }
}

const nonAscii = /[^\x00-\x7f]/;

class RestReceiver implements CallReceiver {
  readonly #writer: LaneWriter;
  readonly #route: RestRoute;
  readonly #request: LaneRequest;

  constructor(writer: LaneWriter, route: RestRoute, request: LaneRequest) {
    this.#writer = writer;
    this.#route = route;
    this.#request = request;
  }

  answer(answer: object): void {
    const { contentType, body } = this.#route.encode(answer);
    const headers = contentType === jsonType ? answerHeaders : { ...answerHeaders, 'content-type': contentType };
    this.#writer.write(this.#request, { status: 200, headers, body });
  }

  fail(error: ConnectError): void {
    this.#writer.write(this.#request, restErrorAnswer(error));
  }
}
