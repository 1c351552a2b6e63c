import type { RequestListener } from 'node:http';
import { Code, ConnectError } from '@connectrpc/connect';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyServerFactory,
  LogController,
} from 'fastify';
import type { Clock } from '../clock.ts';
import type { RequestValidator } from '../service/request-validator.ts';
import type { BoundService } from '../service/service-handlers.ts';
import { Authenticator } from './authenticator.ts';
import { limitBodyTime } from './body-deadline.ts';
import type { CallMetrics } from './call-metrics.ts';
import { answerClientError } from './client-error.ts';
import { connectRoutes } from './connect-routes.ts';
import { grpcHealth } from './grpc-health.ts';
import { grpcReflection } from './grpc-reflection.ts';
import type { Health } from './health.ts';
import { Invoker } from './invoker.ts';
import { allLanes, type LaneName, Lanes } from './lane/lanes.ts';
import { notFoundHandler } from './not-found.ts';
import { type Pages, pageRoutes } from './page-routes.ts';
import { originForm } from './request-text.ts';
import { restBridge, restRoutes } from './rest-bridge.ts';
import { frameworkError, sendRestError } from './rest-error.ts';

export type HttpAppOptions = {
  /** What is served: `bindService(descriptor, handlers)` each. Health and reflection are added. */
  services: readonly BoundService[];
  validator: RequestValidator;
  /** The token that every caller must show; undefined: none is needed. */
  token: string | undefined;
  clock: Clock;
  logger: FastifyBaseLogger;
  /** The largest request body, and the largest single message of a stream, bytes. */
  maxBodyBytes: number;
  health: Health;
  /** Counts the calls. */
  metrics: CallMetrics;
  /** The answer of `GET /metrics`; without it there is none. */
  metricsText?: { contentType: string; text: () => Promise<string> };
  /**
   * Aborted, with a ConnectError (UNAVAILABLE) as reason, when the server begins to shut down: streams are ended,
   * unary calls still finish. Close the app after it.
   */
  shutdownSignal: AbortSignal;
  /** How long a stream may go on answering what it took before `shutdownSignal`, ms. Default 5,000. */
  streamDrainMs?: number;
  /** Until the body of a request must have come in full over HTTP/2 (HTTP/1.1 is the listener's), ms. Default 60,000. */
  bodyTimeoutMs?: number;
  /** The HTML of `GET /`, for a reader who reached the server at `baseUrl` (such as "http://127.0.0.1:4000"). */
  pages?: Pages;
  /** More routes, each on an encapsulated Fastify instance. They check for themselves who may call. */
  routes?: readonly ((scope: FastifyInstance) => void)[];
  /** The answer of `GET /healthz`: 200 or 503 with `body` as JSON. */
  healthz: () => Promise<{ ok: boolean; body: object }>;
  /**
   * Makes the server, see the listener; by default Node's own for HTTP/1.1, which has no lanes. Its second argument holds
   * the `httpLane` and the `streamLane` (see HttpLane and StreamLane), which it offers requests and streams to first.
   */
  serverFactory?: FastifyServerFactory;
  /** Which calls take a short way past the framework, see docs/decisions/0007-lanes.md. Default: all that can. */
  lanes?: readonly LaneName[];
};

/**
 * Builds the HTTP side of the server: REST, Connect, gRPC, gRPC-web, health, reflection and the page, all on one Fastify
 * instance. Nothing listens yet.
 */
export function createHttpApp(options: HttpAppOptions): FastifyInstance {
  const { clock, logger, maxBodyBytes } = options;
  const authenticator = new Authenticator(options.token);
  const typeNames = options.services.map(({ descriptor }) => descriptor.typeName);
  const health = grpcHealth({ health: options.health, typeNames });
  const services = [...options.services, health, ...grpcReflection([...options.services, health])];
  const invoker = new Invoker({
    services,
    authenticator,
    validator: options.validator,
    clock,
    metrics: options.metrics,
    logger,
    shutdownSignal: options.shutdownSignal,
    streamDrainMs: options.streamDrainMs ?? 5000,
  });
  const routes = restRoutes(services);
  const streaming = streamingPaths(services);
  const bodyLimit = { clock, timeoutMs: options.bodyTimeoutMs ?? 60_000 };

  const lanes = new Lanes(options.lanes ?? allLanes, {
    services,
    routes,
    invoker,
    clock,
    maxBodyBytes,
    bodyTimeoutMs: bodyLimit.timeoutMs,
  });

  const app = newFastify(options, lanes);
  // Outside the bridge no body is of interest, so none is read.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null, undefined));
  app.addHook('onRequest', (request, _reply, done) => {
    if (request.raw.httpVersionMajor === 2 && !streaming.has(request.routeOptions.url ?? '')) {
      limitBodyTime(request.raw, bodyLimit);
    }
    done();
  });
  app.addHook('preClose', (done) => {
    lanes.close();
    done();
  });
  app.setErrorHandler((error, _request, reply) => sendFault(error as Fault, reply, logger));
  app.setNotFoundHandler(notFoundHandler({ routes, authenticator }));
  app.register(async (scope) => restBridge(scope, { routes, invoker, clock }));
  app.register(async (scope) => connectRoutes(scope, { services, invoker, clock, maxBodyBytes }));
  const { pages, healthz, metricsText } = options;
  app.register(async (scope) => pageRoutes(scope, { authenticator, pages, healthz, metricsText }));
  for (const register of options.routes ?? []) app.register(async (scope) => register(scope));
  return app;
}

function newFastify(options: HttpAppOptions, lanes: Lanes): FastifyInstance {
  const { serverFactory } = options;
  return Fastify({
    loggerInstance: options.logger,
    logController: new LogController({ disableRequestLogging: true }),
    childLoggerFactory: (logger) => logger,
    bodyLimit: options.maxBodyBytes,
    exposeHeadRoutes: false,
    rewriteUrl: ({ url }) => originForm(url ?? ''),
    // While draining, calls on connections that are still open are served: the engine runs until the last has ended.
    return503OnClosing: false,
    routerOptions: {
      // Names that are too long reach validation, which says so; the size of headers bounds the path anyway.
      maxParamLength: 65536,
      // The bridge reads the query itself, strictly; Fastify need not.
      querystringParser: () => ({}),
    },
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, _request, reply) => {
      sendFault(error, reply as FastifyReply, options.logger);
    },
    ...(serverFactory ? { serverFactory: laned(serverFactory, lanes) } : {}),
  }) as unknown as FastifyInstance;
}

function laned(serverFactory: FastifyServerFactory, lanes: Lanes): FastifyServerFactory {
  return (handler, options) => {
    const { httpLane, streamLane } = lanes;
    const offered = lanes.before(handler as RequestListener) as typeof handler;
    return serverFactory(offered, { ...options, httpLane, streamLane });
  };
}

/** The paths of methods whose callers may keep sending for as long as they like. */
function streamingPaths(services: readonly BoundService[]): Set<string> {
  const methods = services.flatMap(({ descriptor }) => descriptor.methods);
  const open = methods.filter(({ methodKind }) => methodKind === 'client_streaming' || methodKind === 'bidi_streaming');
  return new Set(open.map(({ parent, name }) => `/${parent.typeName}/${name}`));
}

type Fault = Error & { code?: string; statusCode?: number };

function sendFault(error: Fault, reply: FastifyReply, logger: FastifyBaseLogger): FastifyReply {
  if (error instanceof ConnectError) return sendRestError(reply, error);
  const known = frameworkError(error);
  if (known) return sendRestError(reply, known.error, known.status);
  logger.error({ err: error }, 'request failed');
  return sendRestError(reply, new ConnectError('internal error', Code.Internal));
}
