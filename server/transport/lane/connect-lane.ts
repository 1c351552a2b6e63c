import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DescMethod, Message } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel as Idempotency } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import type { Clock } from '../../clock.ts';
import type { BoundService } from '../../service/service-handlers.ts';
import { limitBodyTime } from '../body-deadline.ts';
import { binaryReader } from '../codec/binary-reader.ts';
import { parseConnectJson } from '../connect-json.ts';
import { HttpCallContext } from '../http-call-context.ts';
import type { Invoker } from '../invoker.ts';
import { CallDeadline, connectTimeoutMs } from './call-deadline.ts';
import { readConnectGet } from './connect-get.ts';
import { ConnectReceiver } from './connect-receiver.ts';
import type { HttpLane, LaneWriter } from './http-lane.ts';
import { KnownAuthorities } from './known-authorities.ts';
import { readBody } from './read-body.ts';

export type ConnectLaneOptions = {
  services: readonly BoundService[];
  invoker: Invoker;
  clock: Clock;
  writer: LaneWriter;
  maxBodyBytes: number;
  bodyTimeoutMs: number;
};

/** Whether a content type is that of a binary message; anything else is no plain unary call. */
const binaryByType = new Map([
  ['application/proto', true],
  ['application/json', false],
  ['application/json; charset=utf-8', false],
  ['application/json;charset=utf-8', false],
]);

/** The lane of unary Connect calls: POST with JSON or proto, and GET of methods without side effects. */
export function connectLane(options: ConnectLaneOptions): HttpLane {
  const { invoker, clock, writer, maxBodyBytes } = options;
  const bodyLimit = { clock, timeoutMs: options.bodyTimeoutMs };
  const authorities = new KnownAuthorities();
  const methods = new Map<string, DescMethod>();
  for (const { descriptor } of options.services) {
    for (const method of descriptor.methods) {
      if (method.methodKind === 'unary') methods.set(`/${descriptor.typeName}/${method.name}`, method);
    }
  }

  const lane: HttpLane = (request, response) => {
    if (request.method === 'POST') return takePost(request, response);
    return request.method === 'GET' && takeGet(request, response);
  };
  return lane;

  function takePost(request: IncomingMessage, response: ServerResponse): boolean {
    const method = methods.get(request.url ?? '');
    if (method === undefined) return false;
    const { headers } = request;
    const binary = binaryByType.get(headers['content-type'] ?? '');
    if (binary === undefined || (headers['content-encoding'] ?? 'identity') !== 'identity') return false;
    if (Number(headers['content-length'] ?? 0) > maxBodyBytes || headers.expect !== undefined) return false;
    const call = accept({ method, binary, request, response });
    if (call === null) return false;

    const { context, receiver } = call;
    limitBodyTime(request, bodyLimit);
    readBody(request, maxBodyBytes, (body) => {
      const message = body === null ? tooLarge(binary, maxBodyBytes) : parse(method, binary, body);
      if (message instanceof ConnectError) receiver.fail(message);
      else invoker.run(method, { message, context, receiver });
    });
    return true;
  }

  function takeGet(request: IncomingMessage, response: ServerResponse): boolean {
    const target = request.url ?? '';
    const queryAt = target.indexOf('?');
    const method = queryAt < 0 ? undefined : methods.get(target.slice(0, queryAt));
    if (method?.idempotency !== Idempotency.NO_SIDE_EFFECTS) return false;
    const { headers } = request;
    for (const name of ['content-type', 'content-length', 'transfer-encoding', 'expect']) {
      if (headers[name] !== undefined) return false;
    }
    const read = readConnectGet(method, target.slice(queryAt + 1), maxBodyBytes);
    const call = read && accept({ method, binary: read.binary, request, response });
    if (!call) return false;
    invoker.run(method, { message: read.message, ...call });
    return true;
  }

  /** Null when the stock handlers must refuse the call, or may know better. */
  function accept(call: { method: DescMethod; binary: boolean; request: IncomingMessage; response: ServerResponse }) {
    const { method, binary, request, response } = call;
    const { headers } = request;
    const timeoutMs = connectTimeoutMs(headers['connect-timeout-ms'] as string | undefined);
    if (timeoutMs === undefined || !authorities.has(headers)) return null;
    if (invoker.authorize(method, headers.authorization) !== null) return null;
    const deadline = timeoutMs === null ? null : new CallDeadline(clock, timeoutMs);
    const acceptEncoding = headers['accept-encoding'] as string | undefined;
    return {
      context: new HttpCallContext({ request, response, receivedMs: clock.wallMs(), deadline }),
      receiver: new ConnectReceiver({ method, response, writer, binary, deadline, acceptEncoding }),
    };
  }
}

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
