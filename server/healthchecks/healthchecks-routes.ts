import type { IncomingMessage } from 'node:http';
import { Code } from '@connectrpc/connect';
import { errorCodes, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Clock } from '../clock.ts';
import type { Outcome } from '../engine/command.ts';
import { checkMonitorName } from '../engine/domain/monitor-name.ts';
import type { Engine } from '../engine/engine.ts';
import { type Store, StoreError } from '../store/store.ts';
import type { CallMetrics, CountedCall } from '../transport/call-metrics.ts';
import { frameworkError } from '../transport/rest-error.ts';
import { firstBytes } from './first-bytes.ts';
import { pingBeat, provisionedMonitor } from './ping-beat.ts';
import { pingBodyBytesMax } from './ping-body.ts';
import { type PingTarget, type PingUrl, readPingUrl } from './read-ping-url.ts';

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

type Answer = { status: number; text: string /** Null: it went well. */; code: Code | null };
type Refused = Answer & { code: Code };

/** A ping that may come in. */
type AdmittedPing = Pick<PingUrl, 'signal' | 'run'> & { name: string; create: boolean };

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
  const { engine, store, clock, metrics, isPingKey, newId } = options;
  const admitted = new WeakMap<FastifyRequest, AdmittedPing>();

  return (scope) => {
    scope.addContentTypeParser('*', async (_request: FastifyRequest, stream: IncomingMessage) => readBody(stream));
    scope.setErrorHandler((error, _request, reply) => {
      const known = frameworkError(error as Error & { code?: string; statusCode?: number });
      if (known === null) throw error;
      const { status, error: told } = known;
      return refuse(reply, { status, text: told.rawMessage, code: told.code });
    });
    for (const prefix of ['/hc/', '/ping/']) {
      scope.route({
        method: [...methods],
        url: `${prefix}*`,
        onRequest: (request, reply) => admit(prefix, request, reply),
        handler: ping,
      });
    }
    scope.route({
      method: otherMethods,
      url: '/hc/*',
      onRequest: async (_request, reply) => send(reply.header('allow', allowed), notAllowed),
      handler: () => {},
    });
  };

  /** Only whoever may ping gets a body read. */
  async function admit(
    prefix: string,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply | undefined> {
    const read = readPingUrl(request.raw.url ?? '', prefix);
    if (!read.ok && read.problem === 'run') return refuse(reply, badRun);
    // What is no ping there is answered as before.
    if (!read.ok && prefix === '/ping/') {
      reply.callNotFound();
      return reply;
    }
    if (!read.ok) return refuse(reply, badUrl);
    const { target, signal, run } = read.url;
    const create = read.url.create && target.by === 'name';
    try {
      const name = await nameOf(target);
      if (name === null) return refuse(reply, notFound);
      if (create && checkMonitorName(name) !== null) return refuse(reply, badUrl);
      // Whatever type it says it is of, be it none that there is: no ping is refused for that.
      request.raw.headers['content-type'] = 'application/octet-stream';
      admitted.set(request, { name, signal, run, create });
      return undefined;
    } catch (error) {
      if (error instanceof StoreError) return refuse(reply, unreadable);
      throw error;
    }
  }

  async function nameOf(target: PingTarget): Promise<string | null> {
    if (target.by === 'name') return isPingKey(target.pingKey) ? target.name : null;
    const [found] = await store.load([{ pingId: target.pingId }]);
    return found?.monitor?.name ?? null;
  }

  async function ping(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const begunMs = clock.monotonicMs();
    const { create, ...url } = admitted.get(request)!;
    const beat = pingBeat({
      ...url,
      body: (request.body as Buffer | undefined) ?? noBody,
      // When it is here in full: what trickles in across a deadline came too late.
      receivedMs: clock.wallMs(),
      address: request.raw.socket.remoteAddress ?? '',
      userAgent: request.raw.headers['user-agent'] ?? '',
      provision: create ? provisionedMonitor(newId()) : null,
    });
    const answer = outcomeAnswer(await engine.beat(beat));
    metrics.ended(counted, answer.code, clock.monotonicMs() - begunMs);
    return send(reply, answer);
  }

  function refuse(reply: FastifyReply, answer: Refused): FastifyReply {
    metrics.ended(counted, answer.code, 0);
    return send(reply, answer);
  }
}

/** One byte more than is kept shows that there is more. */
const bodyLimits = { keepBytes: pingBodyBytesMax + 1, readBytes: 64 * 1024 * 1024 };

async function readBody(stream: IncomingMessage): Promise<Buffer> {
  const body = await firstBytes(stream, bodyLimits).catch((error: Error) => {
    // Its sender is gone; that is no failure of this server.
    throw Object.assign(error, { statusCode: 400 });
  });
  if (body === null) throw new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE();
  return body;
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
const badUrl: Refused = { status: 400, text: 'invalid url format', code: Code.InvalidArgument };
const badRun: Refused = { status: 400, text: 'invalid uuid format', code: Code.InvalidArgument };
const notFound: Refused = { status: 404, text: 'not found', code: Code.NotFound };
const notAllowed: Answer = { status: 405, text: `method: must be one of ${allowed}`, code: null };
const unreadable: Refused = { status: 503, text: 'the store cannot be read now; try again', code: Code.Unavailable };
