import { create, type Message } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { pino } from 'pino';
import t from 'tap';
import { HeartbeatService, PingRequestSchema, PingStreamRequestSchema } from '../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import { RequestValidator } from '../../server/service/request-validator.ts';
import type { BoundService } from '../../server/service/service-handlers.ts';
import { Authenticator } from '../../server/transport/authenticator.ts';
import { CallMetrics } from '../../server/transport/call-metrics.ts';
import { type InvokeContext, Invoker } from '../../server/transport/invoker.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';

const { ping, pingStream } = HeartbeatService.method;
const request = create(PingRequestSchema, { name: 'a', frequency: '1m' });
const deadlineExceeded = new ConnectError('the operation timed out', Code.DeadlineExceeded);
const unavailable = new ConnectError('bye', Code.Unavailable);

function newInvoker(handlers: Record<string, (request: never, context: InvokeContext) => unknown>) {
  const none = (): never => {
    throw new Error('not expected');
  };
  const all = { ping: none, pingBatch: none, pingStream: none, remove: none, ...handlers };
  const clock = new FakeClock();
  const shutdown = new AbortController();
  const logs: string[] = [];
  const metrics = new CallMetrics();
  const invoker = new Invoker({
    services: [
      { descriptor: HeartbeatService, handlers: all as BoundService['handlers'], open: false, forPages: new Set() },
    ],
    authenticator: new Authenticator(undefined),
    validator: new RequestValidator(),
    clock,
    metrics,
    logger: pino({}, { write: (line: string) => logs.push(line) }),
    shutdownSignal: shutdown.signal,
    streamDrainMs: 5000,
  });
  /** How calls ended so far, such as "Ping ok", once for each. */
  const ended = () =>
    metrics
      .counts()
      .flatMap(({ method, code, count }) => new Array<string>(count).fill(`${method.split('/')[1]} ${code}`));
  return { invoker, clock, logs, ended, shutdown: () => shutdown.abort(unavailable) };
}

function contextWith(deadline: AbortSignal | null): InvokeContext {
  const signal = deadline ?? new AbortController().signal;
  return { deadline, signal, receivedMs: 0, remoteAddress: '', userAgent: '', header: () => null };
}

async function collect(answers: AsyncIterable<object>) {
  const seen: object[] = [];
  try {
    for await (const answer of answers) seen.push(answer);
    return { seen, error: null };
  } catch (error) {
    return { seen, error: error as ConnectError };
  }
}

t.test('a unary call ends at its deadline, whatever its handler does', async (t) => {
  const { promise, reject } = Promise.withResolvers<object>();
  let calls = 0;
  const { invoker, logs } = newInvoker({
    ping: () => {
      calls += 1;
      return promise;
    },
  });
  const deadline = new AbortController();
  const answer = invoker.unary(ping, request, contextWith(deadline.signal));
  deadline.abort(deadlineExceeded);
  await t.rejects(answer, deadlineExceeded);
  await t.rejects(invoker.unary(ping, request, contextWith(deadline.signal)), deadlineExceeded);
  t.equal(calls, 1, 'a call that is late already does not start');

  const left = new AbortController();
  left.abort();
  await t.rejects(invoker.unary(ping, request, contextWith(left.signal)), { code: Code.Canceled });
  t.strictSame(logs, []);
  reject(new Error('after all'));
  await settle();
  t.match(logs, [/after all/], 'a fault that nobody waits for any more is logged');
});

t.test('what a handler throws', async (t) => {
  const thrown = new ConnectError('no', Code.NotFound);
  let error: Error = thrown;
  const { invoker, logs } = newInvoker({
    ping: async () => {
      throw error;
    },
    pingStream: () => {
      throw error;
    },
  });
  async function* nothing(): AsyncGenerator<Message> {}
  await t.rejects(invoker.unary(ping, request, contextWith(null)), thrown);
  t.equal((await collect(invoker.stream(pingStream, nothing(), contextWith(null)))).error, thrown);
  t.strictSame(logs, []);
  error = new Error('detail');
  const masked = { code: Code.Internal, rawMessage: 'internal error', cause: undefined };
  await t.rejects(invoker.unary(ping, request, contextWith(null)), masked);
  t.match((await collect(invoker.stream(pingStream, nothing(), contextWith(null)))).error, masked);
  t.match(logs, [/detail/, /detail/]);
});

t.test('a stream ends at its deadline', async (t) => {
  const { invoker } = newInvoker({
    // Deaf to its signal, and to the end of its requests.
    pingStream: async function* () {
      yield { seq: 1n };
      await new Promise(() => {});
    },
  });
  const deadline = new AbortController();
  async function* silent(): AsyncGenerator<Message> {
    await new Promise(() => {});
  }
  const answers = collect(invoker.stream(pingStream, silent(), contextWith(deadline.signal)));
  await settle();
  deadline.abort(deadlineExceeded);
  t.strictSame(await answers, { seen: [{ seq: 1n }], error: deadlineExceeded });
});

t.test('at shutdown a stream answers what it took, for a bounded time', async (t) => {
  const { promise: committed, resolve: commit } = Promise.withResolvers<void>();
  const { invoker, clock, shutdown } = newInvoker({
    pingStream: async function* (requests: AsyncIterable<{ seq: bigint }>) {
      for await (const { seq } of requests) {
        await committed;
        yield { seq };
      }
    },
  });
  async function* endless(): AsyncGenerator<Message> {
    yield create(PingStreamRequestSchema, { seq: 1n });
    await new Promise(() => {});
  }
  const drained = collect(invoker.stream(pingStream, endless(), contextWith(null)));
  await settle();
  shutdown();
  await settle();
  commit();
  t.strictSame(await drained, { seen: [{ seq: 1n }], error: unavailable });

  const stuck = newInvoker({
    pingStream: async function* () {
      yield await new Promise<object>(() => {});
    },
  });
  let ended = false;
  const cut = collect(stuck.invoker.stream(pingStream, endless(), contextWith(null))).finally(() => {
    ended = true;
  });
  await settle();
  stuck.shutdown();
  await stuck.clock.advance(4999);
  t.notOk(ended);
  await stuck.clock.advance(1);
  t.strictSame(await cut, { seen: [], error: unavailable });
  await clock.advance(10_000);
});

t.test('a caller that leaves ends the stream of its handler', async (t) => {
  let finished = false;
  const { invoker } = newInvoker({
    pingStream: async function* () {
      try {
        for (;;) yield { seq: 1n };
      } finally {
        finished = true;
      }
    },
  });
  for await (const _ of invoker.stream(pingStream, (async function* () {})(), contextWith(null))) break;
  await settle();
  t.ok(finished);
});

t.test('every call is counted once, with how it ended', async (t) => {
  const { invoker, clock, ended } = newInvoker({
    ping: async ({ name }: { name: string }) => {
      if (name === 'slow') await new Promise((resolve) => clock.after(70, () => resolve(null)));
      if (name === 'fault') throw new Error('a fault of ours');
      return { name };
    },
    async *pingStream(requests: AsyncIterable<{ seq: bigint }>) {
      for await (const { seq } of requests) yield { seq };
    },
  });
  const named = (name: string) => create(PingRequestSchema, { name, frequency: '1m' });
  await invoker.unary(ping, named('a'), contextWith(null));
  const slow = invoker.unary(ping, named('slow'), contextWith(null));
  await settle();
  await clock.advance(70);
  await slow;
  await t.rejects(invoker.unary(ping, named('fault'), contextWith(null)));
  await t.rejects(invoker.unary(ping, named(''), contextWith(null)));
  invoker.refused(ping, new ConnectError('a token is missing', Code.Unauthenticated));
  async function* items() {
    for (let seq = 1n; seq < 4n; seq++) yield create(PingStreamRequestSchema, { seq, ping: request });
  }
  t.equal((await collect(invoker.stream(pingStream, items(), contextWith(null)))).seen.length, 3);
  for await (const _ of invoker.stream(pingStream, items(), contextWith(null))) break;
  t.same(ended().sort(), [
    'Ping internal',
    'Ping invalid_argument',
    'Ping ok',
    'Ping ok',
    'Ping unauthenticated',
    'PingStream canceled',
    'PingStream ok',
  ]);
});
