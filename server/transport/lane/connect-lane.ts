import type { DescMethod, Message } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel as Idempotency } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import type { Clock } from '../../clock.ts';
import type { BoundService } from '../../service/service-handlers.ts';
import { binaryReader } from '../codec/binary-reader.ts';
import { parseConnectJson } from '../connect-json.ts';
import { HttpCallContext } from '../http-call-context.ts';
import type { Invoker } from '../invoker.ts';
import { CallDeadline, connectTimeoutMs } from './call-deadline.ts';
import { readConnectGet } from './connect-get.ts';
import { ConnectReceiver } from './connect-receiver.ts';
import type { HttpLane, LaneWriter } from './http-lane.ts';
import { KnownAuthorities } from './known-authorities.ts';
import type { LaneRequest } from './lane-request.ts';

export type ConnectLaneOptions = {
  services: readonly BoundService[];
  invoker: Invoker;
  clock: Clock;
  writer: LaneWriter;
  maxBodyBytes: number;
};

/** Whether a content type is that of a binary message; anything else is no plain unary call. */
const binaryByType = new Map([
  ['application/proto', true],
  ['application/json', false],
  ['application/json; charset=utf-8', false],
  ['application/json;charset=utf-8', false],
]);

/** Headers of a GET that are for the stock handlers to judge. */
const unusualInGet = ['content-type', 'content-length', 'transfer-encoding', 'expect'];

/** The lane of unary Connect calls: POST with JSON or proto, and GET of methods without side effects. */
export function connectLane(options: ConnectLaneOptions): HttpLane {
  const { invoker, clock, writer, maxBodyBytes } = options;
  const authorities = new KnownAuthorities();
  const methods = new Map<string, DescMethod>();
  for (const { descriptor } of options.services) {
    for (const method of descriptor.methods) {
      if (method.methodKind === 'unary') methods.set(`/${descriptor.typeName}/${method.name}`, method);
    }
  }

  return (request) => {
    if (request.method === 'POST') return takePost(request);
    return request.method === 'GET' && takeGet(request);
  };

  function takePost(request: LaneRequest): boolean {
    const method = methods.get(request.target);
    if (method === undefined) return false;
    const binary = binaryByType.get(request.header('content-type') ?? '');
    if (binary === undefined || (request.header('content-encoding') ?? 'identity') !== 'identity') return false;
    if (Number(request.header('content-length') ?? 0) > maxBodyBytes) return false;
    if (request.header('expect') !== undefined) return false;
    const accepted = accept(method, request);
    if (accepted === null) return false;

    request.readBody(maxBodyBytes, (body) => {
      const message = body === null ? tooLarge(binary, maxBodyBytes) : parse(method, binary, body);
      run(method, message, begin({ method, binary, request, accepted }));
    });
    return true;
  }

  function run(method: DescMethod, message: Message | ConnectError, call: ReturnType<typeof begin>): void {
    if (message instanceof ConnectError) {
      invoker.refused(method, message);
      call.receiver.fail(message);
      return;
    }
    invoker.run(method, { message, ...call });
  }

  function takeGet(request: LaneRequest): boolean {
    const { target } = request;
    const queryAt = target.indexOf('?');
    const method = queryAt < 0 ? undefined : methods.get(target.slice(0, queryAt));
    if (method?.idempotency !== Idempotency.NO_SIDE_EFFECTS) return false;
    for (const name of unusualInGet) if (request.header(name) !== undefined) return false;
    const read = readConnectGet(method, target.slice(queryAt + 1), maxBodyBytes);
    const accepted = read && accept(method, request);
    if (!accepted) return false;
    const { message, binary } = read;
    run(method, message, begin({ method, binary, request, accepted }));
    return true;
  }

  /** Null when the stock handlers must refuse the call, or may know better. */
  function accept(method: DescMethod, request: LaneRequest): Accepted | null {
    const timeoutMs = connectTimeoutMs(request.header('connect-timeout-ms'));
    if (timeoutMs === undefined) return null;
    if (!authorities.has(request.header(':authority') ?? request.header('host'))) return null;
    if (invoker.authorize(method, request) !== null) return null;
    return { timeoutMs, receivedMs: clock.wallMs(), sinceMs: clock.monotonicMs() };
  }

  /** The request is here in full. Only now, since a caller that leaves before would leave its timer behind. */
  function begin(call: { method: DescMethod; binary: boolean; request: LaneRequest; accepted: Accepted }) {
    const { method, binary, request, accepted } = call;
    const { timeoutMs, receivedMs, sinceMs } = accepted;
    const deadline = timeoutMs === null ? null : new CallDeadline(clock, timeoutMs - (clock.monotonicMs() - sinceMs));
    return {
      context: new HttpCallContext({ request, receivedMs, deadline }),
      receiver: new ConnectReceiver({ method, request, writer, binary, deadline }),
    };
  }
}

/** A call whose body may still come. `timeoutMs` counts from `sinceMs` (monotonic). */
type Accepted = { timeoutMs: number | null; receivedMs: number; sinceMs: number };

function parse(method: DescMethod, binary: boolean, body: Buffer): Message | ConnectError {
  if (!binary) return parseConnectJson(method, body);
  try {
    return binaryReader(method.input)(body);
  } catch (error) {
    return new ConnectError(`parse binary: ${(error as Error).message}`, Code.Internal);
  }
}

/** In the words of whoever else would have read the body. */
function tooLarge(binary: boolean, maxBodyBytes: number): ConnectError {
  const text = binary
    ? `message size is larger than configured readMaxBytes ${maxBodyBytes}`
    : `body: must be at most ${maxBodyBytes} bytes`;
  return new ConnectError(text, Code.ResourceExhausted);
}
