import type { DescMethod, Message } from '@bufbuild/protobuf';
import {
  Code,
  ConnectError,
  type ConnectRouter,
  createContextKey,
  createContextValues,
  type HandlerContext,
  type MethodImpl,
} from '@connectrpc/connect';
import { fastifyConnectPlugin } from '@connectrpc/connect-fastify';
import { compressionBrotli, compressionGzip } from '@connectrpc/connect-node';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Clock } from '../clock.ts';
import type { BoundService } from '../service/service-handlers.ts';
import { boundErrorText } from './bound-error-text.ts';
import { dropEndlessTimeout } from './call-timeout.ts';
import { type CallerHeaders, callerHeaders } from './caller-headers.ts';
import { isPlainJson, readConnectJson } from './connect-json.ts';
import { encodePlainly } from './grpc-message.ts';
import type { InvokeContext, Invoker } from './invoker.ts';
import { readConnectGet } from './lane/connect-get.ts';
import { reviseParseError } from './parse-error.ts';
import { sendRestError } from './rest-error.ts';

/** What Fastify knew about a call before Connect took it over. */
type Arrival = {
  receivedMs: number;
  remoteAddress: string;
  headers: CallerHeaders;
  parsed: Message | ConnectError | null;
};

const arrivalKey = createContextKey<Arrival>({
  receivedMs: 0,
  remoteAddress: '',
  headers: callerHeaders({}),
  parsed: null,
});

/**
 * Serves Connect, gRPC and gRPC-web with connect-fastify's own handlers, on the encapsulated Fastify instance it is
 * called with; the implementations hand every call to `invoker`.
 */
export function connectRoutes(
  scope: FastifyInstance,
  options: { services: readonly BoundService[]; invoker: Invoker; clock: Clock; maxBodyBytes: number },
): void {
  const { services, invoker, clock, maxBodyBytes } = options;
  const methods = new Map<string, DescMethod>();
  for (const { descriptor } of services) {
    for (const method of descriptor.methods) methods.set(`/${descriptor.typeName}/${method.name}`, method);
  }
  const parsedBodies = new WeakMap<FastifyRequest, Message | ConnectError>();

  scope.addHook('onRequest', (request, reply, done) => {
    dropEndlessTimeout(request.raw.headers);
    if (hasValidAuthority(request)) done();
    else sendRestError(reply, new ConnectError('host: is missing or not valid', Code.InvalidArgument));
  });
  scope.addHook('preHandler', async (request) => {
    const method = methods.get(request.routeOptions.url ?? '');
    if (method === undefined) return;
    // Connect's gate refuses the call later, without having read the body.
    if (invoker.authorize(method, callerHeaders(request.raw.headers)) !== null) return;
    if (request.method === 'GET') {
      const { raw } = request;
      const [path = '', query = ''] = (raw.url ?? '').split('?', 2);
      const read = readConnectGet(method, query, maxBodyBytes);
      if (read === null || read.binary) return;
      parsedBodies.set(request, read.message);
      raw.url = `${path}?${withoutMessage(query)}`;
      return;
    }
    if (!isPlainJson(request, method)) return;
    parsedBodies.set(request, await readConnectJson({ stream: request.raw, method, maxBodyBytes }));
    request.body = {};
  });
  scope.register(fastifyConnectPlugin, {
    routes: (router) => {
      for (const { descriptor } of services) addService(router, descriptor, invoker);
    },
    readMaxBytes: maxBodyBytes,
    acceptCompression: [compressionGzip, compressionBrotli],
    // Connect looks for the decoder here; by default it would put U+FFFD in place of what is not UTF-8.
    jsonOptions: { textDecoder: new TextDecoder('utf-8', { fatal: true }) } as object,
    requestGate: (context) => {
      const refused = invoker.authorize(context.method, context.values.get(arrivalKey).headers);
      if (refused !== null) {
        invoker.refused(context.method, refused);
        throw refused;
      }
      // Connect aborts the context with the error that it is about to send.
      const { signal } = context;
      encodePlainly(context.responseTrailer);
      const revise = (): void => {
        reviseParseError(signal.reason);
        boundErrorText(signal.reason);
      };
      signal.addEventListener('abort', revise, { once: true });
    },
    contextValues: (request) =>
      createContextValues().set(arrivalKey, {
        receivedMs: clock.wallMs(),
        remoteAddress: request.raw.socket.remoteAddress ?? '',
        headers: callerHeaders(request.raw.headers),
        parsed: parsedBodies.get(request) ?? null,
      }),
  });
}

function addService(router: ConnectRouter, descriptor: BoundService['descriptor'], invoker: Invoker): void {
  for (const method of descriptor.methods) {
    router.rpc(method, implementation(method, invoker) as MethodImpl<DescMethod>);
  }
}

function implementation(method: DescMethod, invoker: Invoker): unknown {
  switch (method.methodKind) {
    case 'unary':
      return (request: Message, handlerContext: HandlerContext) => {
        const { parsed } = handlerContext.values.get(arrivalKey);
        if (parsed instanceof ConnectError) throw parsed;
        return invoker.unary(method, parsed ?? request, connectCallContext(handlerContext));
      };
    case 'client_streaming':
      return async (requests: AsyncIterable<Message>, handlerContext: HandlerContext) => {
        for await (const answer of invoker.stream(method, requests, connectCallContext(handlerContext))) return answer;
        throw new ConnectError('no answer', Code.Internal);
      };
    default:
      return (request: Message | AsyncIterable<Message>, handlerContext: HandlerContext) =>
        invoker.stream(method, request, connectCallContext(handlerContext));
  }
}

function connectCallContext(context: HandlerContext): InvokeContext {
  const { receivedMs, remoteAddress } = context.values.get(arrivalKey);
  const { signal, requestHeader } = context;
  return {
    signal,
    deadline: signal,
    receivedMs,
    remoteAddress,
    userAgent: requestHeader.get('user-agent') ?? '',
    header: (name) => requestHeader.get(name),
  };
}

/** The query of a Connect GET whose message was read already. */
function withoutMessage(query: string): URLSearchParams {
  const parameters = new URLSearchParams(query);
  parameters.delete('base64');
  parameters.set('message', '{}');
  return parameters;
}

/** Connect builds a URL of it, and where that fails the request would never be answered. */
function hasValidAuthority(request: FastifyRequest): boolean {
  const { headers, url } = request.raw;
  const authority = headers[':authority'] ?? headers.host;
  return typeof authority === 'string' && URL.canParse(url ?? '', `http://${authority}`);
}
