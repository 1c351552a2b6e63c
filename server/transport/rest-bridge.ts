import type { Message } from '@bufbuild/protobuf';
import { type DescMessage, type DescMethod, getOption, hasOption } from '@bufbuild/protobuf';
import { FieldMaskSchema } from '@bufbuild/protobuf/wkt';
import { ConnectError } from '@connectrpc/connect';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { http } from '../../gen/ts/google/api/annotations_pb.ts';
import type { HttpRule } from '../../gen/ts/google/api/http_pb.ts';
import type { Clock } from '../clock.ts';
import type { BoundService } from '../service/service-handlers.ts';
import { callerHeaders } from './caller-headers.ts';
import { HttpCallContext } from './http-call-context.ts';
import type { Invoker } from './invoker.ts';
import { NodeRequest } from './lane/node-request.ts';
import { fromBody, HttpError, sendRestError } from './rest-error.ts';
import { type RequestShape, readRestRequest } from './rest-request.ts';
import { compileTemplate, type RestTemplate } from './rest-template.ts';
import { type RestWriter, restWriter } from './rest-writer.ts';

/** One way to reach a method over REST. */
export type RestRoute = {
  httpMethod: string;
  template: RestTemplate;
  method: DescMethod;
  takesBody: boolean;
  bodyField: RequestShape['bodyField'];
  maskField: RequestShape['maskField'];
  etagField: RequestShape['etagField'];
  encode: RestWriter;
};

/** The REST routes of services, from their google.api.http annotations. Throws on what the bridge cannot serve. */
export function restRoutes(services: readonly BoundService[]): RestRoute[] {
  return services.flatMap(({ descriptor }) =>
    descriptor.methods
      .filter((method) => hasOption(method, http))
      .flatMap((method) => {
        const rule = getOption(method, http);
        return [rule, ...rule.additionalBindings].map((binding) => compileRoute(method, binding, rule.responseBody));
      }),
  );
}

/** Serves `routes`, each on the encapsulated Fastify instance it is called with. */
export function restBridge(
  scope: FastifyInstance,
  options: { routes: RestRoute[]; invoker: Invoker; clock: Clock },
): void {
  const { routes, invoker, clock } = options;
  // Bodies are read as they are; which types are fine is for the request reader to say.
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  scope.setErrorHandler((error, _request, reply) => {
    if (error instanceof ConnectError) return sendRestError(reply, error);
    if (error instanceof HttpError) return sendRestError(reply, error.error, error.status);
    throw error;
  });
  for (const route of routes) {
    scope.route({
      method: route.httpMethod,
      url: route.template.routePath,
      onRequest: (request, reply, done) => {
        const refused = invoker.authorize(route.method, callerHeaders(request.raw.headers));
        if (refused === null) {
          done();
          return;
        }
        invoker.refused(route.method, refused);
        sendRestError(reply, refused);
      },
      handler: (request, reply) => serve({ route, invoker, request, reply, receivedMs: clock.wallMs() }),
    });
  }
}

async function serve(call: {
  route: RestRoute;
  invoker: Invoker;
  request: FastifyRequest;
  reply: FastifyReply;
  receivedMs: number;
}): Promise<FastifyReply> {
  const { route, invoker, request, reply, receivedMs } = call;
  const { headers } = request.raw;
  let message: Message;
  try {
    message = readRestRequest(route.method.input, route, {
      target: request.raw.url ?? '',
      body: route.takesBody ? (request.body as Buffer | undefined) : undefined,
      contentType: headers['content-type'],
      contentEncoding: headers['content-encoding'],
      ifMatch: headers['if-match'],
    });
  } catch (error) {
    if (error instanceof ConnectError) invoker.refused(route.method, error);
    throw error;
  }
  const context = new HttpCallContext({
    request: new NodeRequest({ request: request.raw, response: reply.raw }),
    receivedMs,
  });
  const answer = await invoker.unary(route.method, message, context).catch((error) => {
    throw fromBody(error, route.bodyField);
  });
  const { contentType, body } = route.encode(answer);
  return reply.header('content-type', contentType).header('cache-control', 'no-store').send(body);
}

function compileRoute(method: DescMethod, binding: HttpRule, defaultResponseBody: string): RestRoute {
  const name = `${method.parent.typeName}.${method.name}`;
  if (method.methodKind !== 'unary') throw new Error(`${name}: only unary methods have REST routes`);
  const { httpMethod, path } = pattern(binding, name);
  const body = bodyField(method, binding.body);
  return {
    httpMethod,
    template: compileTemplate(path, method.input),
    method,
    takesBody: binding.body !== '',
    bodyField: body,
    maskField: httpMethod === 'PATCH' ? maskField(method) : null,
    etagField: ['PUT', 'PATCH', 'DELETE'].includes(httpMethod) ? etagField(body?.message ?? method.input) : null,
    encode: restWriter(method, binding.responseBody || defaultResponseBody),
  };
}

function pattern(binding: HttpRule, name: string): { httpMethod: string; path: string } {
  const { pattern } = binding;
  if (pattern.case === undefined) throw new Error(`${name}: a binding has no path`);
  if (pattern.case === 'custom') return { httpMethod: pattern.value.kind, path: pattern.value.path };
  return { httpMethod: pattern.case.toUpperCase(), path: pattern.value };
}

function bodyField(method: DescMethod, body: string): RequestShape['bodyField'] {
  if (body === '' || body === '*') return null;
  const field = method.input.fields.find(({ name }) => name === body);
  if (field?.fieldKind !== 'message') throw new Error(`${method.name}: body must be "*" or name a message field`);
  return field;
}

function etagField(within: DescMessage): RequestShape['etagField'] {
  return within.fields.find(({ name }) => name === 'etag') ?? null;
}

function maskField(method: DescMethod): RequestShape['maskField'] {
  return method.input.fields.find(({ message }) => message?.typeName === FieldMaskSchema.typeName) ?? null;
}
