import type { AddressInfo } from 'node:net';
import { create, type Message, type MessageInitShape } from '@bufbuild/protobuf';
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
import {
  type MonitorSchema,
  MonitorService,
  MonitorStatus,
  type WatchMonitorsRequest,
  type WatchMonitorsResponseSchema,
} from '../../gen/ts/tocsin/v1/monitor_pb.ts';
import type { Clock } from '../../server/clock.ts';
import type { ListenerLimits } from '../../server/listener/listener-limits.ts';
import { listenerServerFactory } from '../../server/listener/listener-server.ts';
import type { CallContext } from '../../server/service/call-context.ts';
import { callError } from '../../server/service/call-error.ts';
import { RequestValidator } from '../../server/service/request-validator.ts';
import { type BoundService, bindService } from '../../server/service/service-handlers.ts';
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
  /** What reached MonitorService. */
  readonly calls: { method: string; request: Message }[] = [];
  /** Refuses a call of MonitorService in place of the fixed answer; null: does not. */
  onCall: ((method: string, request: Message) => ConnectError | null) | null = null;
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
      createMonitor: async (request) => this.#record('CreateMonitor', request, { monitor: request.monitor }),
      upsertMonitor: async (request) =>
        this.#record('UpsertMonitor', request, { monitor: request.monitor, created: true }),
      getMonitor: async (request) => this.#record('GetMonitor', request, { monitor: monitorCalled(request.name) }),
      listMonitors: async (request) =>
        this.#record('ListMonitors', request, { monitors: [{ name: `page of ${request.pageSize}` }] }),
      updateMonitor: async (request) => this.#record('UpdateMonitor', request, { monitor: request.monitor }),
      deleteMonitor: async (request) => this.#record('DeleteMonitor', request, { name: request.name }),
      pauseMonitor: async (request) => this.#record('PauseMonitor', request, { monitor: monitorCalled(request.name) }),
      resumeMonitor: async (request) =>
        this.#record('ResumeMonitor', request, { monitor: monitorCalled(request.name) }),
      applyMonitors: async (request) => this.#record('ApplyMonitors', request, { added: 1 }),
      exportMonitors: async (request) => this.#record('ExportMonitors', request, { document: exported }),
      listBeats: async (request) =>
        this.#record('ListBeats', request, { beats: [{ id: 7n, body: new Uint8Array(3) }] }),
      listIncidents: async (request) => this.#record('ListIncidents', request, { incidents: [{ id: 'i' }] }),
      listDays: async (request) => this.#record('ListDays', request, { days: [{ upSeconds: 0.5 }] }),
      listUptimes: async (request) => this.#record('ListUptimes', request, { uptimes: [{ name: 'a', ratio: 0.25 }] }),
      watchMonitors: (request) => this.#watch(request),
    }),
  ];

  #record<T>(method: string, request: Message, answer: T): T {
    this.calls.push({ method, request });
    const refusal = this.onCall?.(method, request) ?? null;
    if (refusal !== null) throw refusal;
    return answer;
  }

  async *#watch(request: WatchMonitorsRequest): AsyncGenerator<MessageInitShape<typeof WatchMonitorsResponseSchema>> {
    this.#record('WatchMonitors', request, null);
    const monitors = [monitorCalled('a'), monitorCalled('ü/b')];
    yield { cursor: '1', event: { case: 'snapshot', value: { monitors, first: true, last: true } } };
    yield { cursor: '2', event: { case: 'changed', value: { ...monitorCalled('a'), tags: ['x'], failures: 3 } } };
    yield { cursor: '3', event: { case: 'removed', value: 'ü/b' } };
  }

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

function monitorCalled(name: string): MessageInitShape<typeof MonitorSchema> {
  const createdAt = timestampFromMs(Date.UTC(2026, 0, 1));
  return { name, status: MonitorStatus.UP, frequency: '10m', createdAt };
}

/** What ExportMonitors answers: bytes that are no text. */
export const exported = { contentType: 'application/x-test; q="1"', data: new Uint8Array([0, 255, 10, 13, 128]) };

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
    /** Served in place of the recorder's. */
    services?: BoundService[];
  } = {},
) {
  const recorder = new Recorder();
  const shutdown = new AbortController();
  const logs: string[] = [];
  const clock = options.clock ?? new SystemClock();
  const health = new FakeHealth();
  const app = createHttpApp({
    services: options.services ?? recorder.services,
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
