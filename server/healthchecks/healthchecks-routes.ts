import { Code } from '@connectrpc/connect';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../clock.ts';
import type { Outcome } from '../engine/command.ts';
import { checkMonitorName } from '../engine/domain/monitor-name.ts';
import type { Engine } from '../engine/engine.ts';
import { type Store, StoreError } from '../store/store.ts';
import type { CallMetrics, CountedCall } from '../transport/call-metrics.ts';
import { frameworkError } from '../transport/rest-error.ts';
import { pingBeat, provisionedMonitor } from './ping-beat.ts';
import { pingBodyBytesMax } from './ping-body.ts';
import { type PingTarget, readPingUrl } from './read-ping-url.ts';

export type HealthchecksOptions = {
  engine: Pick<Engine, 'beat'>;
  store: Pick<Store, 'load'>;
  clock: Clock;
  metrics: CallMetrics;
  /** Whether a ping key opens the monitors by name. */
  isPingKey: (given: string) => boolean;
  /** Ping ids of monitors that are made: UUIDs. */
  newId: () => string;
};

type Answer = { status: number; text: string; code: Code | null };

const counted: CountedCall = { name: 'Ping', parent: { typeName: 'healthchecks' } };
const methods = ['GET', 'HEAD', 'POST'] as const;
const allowed = methods.join(', ');
const otherMethods = ['DELETE', 'OPTIONS', 'PATCH', 'PUT'];
const headers = {
  'content-type': 'text/plain; charset=utf-8',
  'cache-control': 'no-store',
  'access-control-allow-origin': '*',
  'ping-body-limit': String(pingBodyBytesMax),
};
const noBody = new Uint8Array(0);

/**
 * Serves the ping protocol of Healthchecks below `/hc/`, and below `/ping/` what is not served there otherwise. Its clients
 * have no bearer token: a ping id is a secret that opens its monitor, a ping key opens all by name. Answers are texts, as
 * those of the original's hc/api/views.py; 409 "ambiguous slug" cannot happen, since names are unique.
 */
export function healthchecksRoutes(options: HealthchecksOptions): (scope: FastifyInstance) => void {
  return (scope) => {
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    scope.setErrorHandler((error, _request, reply) => {
      const known = frameworkError(error as Error & { code?: string; statusCode?: number });
      if (known === null) throw error;
      options.metrics.ended(counted, known.error.code, 0);
      return send(reply, { status: known.status, text: known.error.rawMessage, code: known.error.code });
    });
    scope.route({ method: [...methods], url: '/hc/*', handler: (request, reply) => serve('/hc/', request, reply) });
    scope.route({ method: [...methods], url: '/ping/*', handler: (request, reply) => serve('/ping/', request, reply) });
    scope.route({
      method: otherMethods,
      url: '/hc/*',
      handler: (_request, reply) =>
        send(reply.header('allow', allowed), { status: 405, text: `method: must be one of ${allowed}`, code: null }),
    });
  };

  async function serve(prefix: string, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { clock, metrics } = options;
    const begunMs = clock.monotonicMs();
    const read = readPingUrl(request.raw.url ?? '', prefix);
    // What is no ping there is answered as before.
    if (!read.ok && read.problem === 'path' && prefix === '/ping/') {
      reply.callNotFound();
      return reply;
    }
    const answer = read.ok ? await ping(read.url, request) : read.problem === 'path' ? badUrl : badRun;
    metrics.ended(counted, answer.code, clock.monotonicMs() - begunMs);
    return send(reply, answer);
  }

  async function ping(url: (ReturnType<typeof readPingUrl> & { ok: true })['url'], request: FastifyRequest) {
    const { engine, clock, newId } = options;
    const receivedMs = clock.wallMs();
    try {
      const name = await nameOf(url.target);
      if (name === null) return notFound;
      const create = url.create && url.target.by === 'name';
      if (create && checkMonitorName(name) !== null) return badUrl;
      const outcome = await engine.beat(
        pingBeat({
          ...url,
          name,
          body: (request.body as Buffer | undefined) ?? noBody,
          receivedMs,
          address: request.raw.socket.remoteAddress ?? '',
          userAgent: request.raw.headers['user-agent'] ?? '',
          provision: create ? provisionedMonitor(newId()) : null,
        }),
      );
      return outcomeAnswer(outcome);
    } catch (error) {
      if (error instanceof StoreError) return unreadable;
      throw error;
    }
  }

  async function nameOf(target: PingTarget): Promise<string | null> {
    if (target.by === 'name') return options.isPingKey(target.pingKey) ? target.name : null;
    const [found] = await options.store.load([{ pingId: target.pingId }]);
    return found?.monitor?.name ?? null;
  }
}

function send(reply: FastifyReply, { status, text }: Answer): FastifyReply {
  // curl --retry and runitor try these again; how soon is for us to say.
  if (status === 503 || status === 429) reply.header('retry-after', '1');
  return reply.code(status).headers(headers).send(text);
}

function outcomeAnswer(outcome: Outcome): Answer {
  if (outcome.ok) return outcome.created ? created : fine;
  const { code, message } = outcome.refusal;
  switch (code) {
    case 'not_found':
      return notFound;
    case 'unavailable':
      return { status: 503, text: message, code: Code.Unavailable };
    case 'resource_exhausted':
      return { status: 429, text: message, code: Code.ResourceExhausted };
    default:
      return { status: 400, text: message, code: Code.InvalidArgument };
  }
}

const fine: Answer = { status: 200, text: 'OK', code: null };
const created: Answer = { status: 201, text: 'Created', code: null };
const badUrl: Answer = { status: 400, text: 'invalid url format', code: Code.InvalidArgument };
const badRun: Answer = { status: 400, text: 'invalid uuid format', code: Code.InvalidArgument };
const notFound: Answer = { status: 404, text: 'not found', code: Code.NotFound };
const unreadable: Answer = { status: 503, text: 'the store cannot be read now; try again', code: Code.Unavailable };
