import type { AddressInfo } from 'node:net';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import { pino } from 'pino';
import {
  Accepted,
  HeartbeatService,
  type PingRequest,
  PingRequestSchema,
  type PingResponseSchema,
} from '../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import { MonitorService, MonitorStatus } from '../../gen/ts/tocsin/v1/monitor_pb.ts';
import type { Clock } from '../../server/clock.ts';
import type { ListenerLimits } from '../../server/listener/listener-limits.ts';
import { listenerServerFactory } from '../../server/listener/listener-server.ts';
import type { CallContext } from '../../server/service/call-context.ts';
import { callError } from '../../server/service/call-error.ts';
import { RequestValidator } from '../../server/service/request-validator.ts';
import { bindService } from '../../server/service/service-handlers.ts';
import { SystemClock } from '../../server/system-clock.ts';
import { CallMetrics } from '../../server/transport/call-metrics.ts';
import { createHttpApp } from '../../server/transport/create-http-app.ts';
import type { LaneName } from '../../server/transport/lane/lanes.ts';

type PingAnswer = MessageInitShape<typeof PingResponseSchema>;

/** Handlers that write down what reached them, and answer in a fixed way unless a test says otherwise. */
export class Recorder {
  readonly pings: PingRequest[] = [];
  readonly batches: PingRequest[][] = [];
  readonly removed: string[] = [];
  readonly contexts: CallContext[] = [];
  /** Serves a ping in place of the fixed answer. */
  onPing: ((request: PingRequest, context: CallContext) => Promise<PingAnswer>) | null = null;
  /** Called for each item of a stream. */
  onItem: ((seq: bigint) => void) | null = null;

  readonly services = [
    bindService(HeartbeatService, {
      ping: async (request, context) => {
        this.pings.push(request);
        this.contexts.push(context);
        return this.onPing ? this.onPing(request, context) : answerTo(request);
      },
      pingBatch: async ({ pings }) => {
        this.batches.push(pings);
        return { results: pings.map((ping) => ({ result: { case: 'response' as const, value: answerTo(ping) } })) };
      },
      pingStream: (requests, context) => this.#pingStream(requests, context),
      remove: async ({ name }) => {
        if (name === 'unknown') {
          throw callError({ code: Code.NotFound, field: 'name', message: 'name: no monitor "unknown"' });
        }
        this.removed.push(name);
        return { name };
      },
    }),
    bindService(MonitorService, {
      ...notServed,
      getMonitor: async ({ name }) => ({
        monitor: { name, status: MonitorStatus.UP, frequency: '10m', createdAt: timestampFromMs(Date.UTC(2026, 0, 1)) },
      }),
      listMonitors: async ({ pageSize }) => ({ monitors: [{ name: `page of ${pageSize}` }] }),
    }),
  ];

  async *#pingStream(
    requests: AsyncIterable<{ seq: bigint; ping?: PingRequest }>,
    context: CallContext,
  ): AsyncGenerator<{ seq: bigint; result: { result: { case: 'response'; value: PingAnswer } } }> {
    this.contexts.push(context);
    for await (const { seq, ping } of requests) {
      this.onItem?.(seq);
      const value = answerTo(ping ?? create(PingRequestSchema));
      yield { seq, result: { result: { case: 'response' as const, value } } };
    }
  }
}

/** What no test of the transport asks for. */
function refuse(): never {
  throw callError({ code: Code.Unimplemented, message: 'not served here' });
}

const notServed = {
  createMonitor: refuse,
  upsertMonitor: refuse,
  updateMonitor: refuse,
  deleteMonitor: refuse,
  pauseMonitor: refuse,
  resumeMonitor: refuse,
  applyMonitors: refuse,
  exportMonitors: refuse,
  listBeats: refuse,
  listIncidents: refuse,
  listDays: refuse,
  listUptimes: refuse,
  watchMonitors: refuse,
};

export function answerTo(request: PingRequest): PingAnswer {
  const atMs = Date.UTC(2026, 0, 1, 12, 0, 0, 250);
  return {
    name: request.name,
    status: MonitorStatus.UP,
    accepted: Accepted.APPLIED,
    acceptedAt: timestampFromMs(atMs),
    dueAt: timestampFromMs(atMs + 60_000),
  };
}

/** A whole HTTP side over a recorder, listening on a free port of the loopback interface. */
export async function serveRecorder(
  options: {
    token?: string;
    clock?: Clock;
    limits?: Partial<ListenerLimits>;
    maxBodyBytes?: number;
    streamDrainMs?: number;
    lanes?: readonly LaneName[];
  } = {},
) {
  const recorder = new Recorder();
  const shutdown = new AbortController();
  const logs: string[] = [];
  const clock = options.clock ?? new SystemClock();
  const health = new FakeHealth();
  const app = createHttpApp({
    services: recorder.services,
    validator: new RequestValidator(),
    token: options.token,
    clock,
    logger: pino({ level: 'warn' }, { write: (line: string) => logs.push(line) }),
    maxBodyBytes: options.maxBodyBytes ?? 65536,
    health,
    metrics: new CallMetrics(),
    shutdownSignal: shutdown.signal,
    ...(options.streamDrainMs === undefined ? {} : { streamDrainMs: options.streamDrainMs }),
    ...(options.lanes ? { lanes: options.lanes } : {}),
    pages: { start: async () => '<!doctype html><title>Tocsin</title>', monitor: async () => null },
    healthz: async () => ({ ok: health.serving(), body: { status: health.serving() ? 'ok' : 'failing' } }),
    serverFactory: listenerServerFactory({ clock, ...(options.limits ? { limits: options.limits } : {}) }),
  });
  /** Requests that the framework saw: those that no lane took. */
  const seen = { byFramework: 0 };
  app.addHook('onRequest', (_request, _reply, done) => {
    seen.byFramework += 1;
    done();
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  return {
    app,
    recorder,
    health,
    logs,
    seen,
    port,
    url: `http://127.0.0.1:${port}`,
    shutDown: () => shutdown.abort(new ConnectError('the server is shutting down', Code.Unavailable)),
    close: () => app.close(),
  };
}

export class FakeHealth {
  #serving = true;
  readonly #listeners = new Set<() => void>();

  serving(): boolean {
    return this.#serving;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  set(serving: boolean): void {
    this.#serving = serving;
    for (const listener of [...this.#listeners]) listener();
  }
}
