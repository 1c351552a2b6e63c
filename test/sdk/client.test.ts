import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fromJson } from '@bufbuild/protobuf';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import t, { type Test } from 'tap';
import * as contract from '../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import { createTocsin, type TocsinOptions } from '../../sdk/src/sdk.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { ErrorLog } from './error-log.ts';
import { applied, appliedAnswer, failing, hang, reset, ScriptedServer, type WirePing } from './scripted-server.ts';

const START_MS = Date.UTC(2026, 0, 1) + 400;
const START_S = String(Math.floor(START_MS / 1000));

/** A client of a scripted server on a clock that the test moves. `random` 0 makes every back-off 1 s, a slow one 30 s. */
async function setUp(t: Test, options: TocsinOptions = {}) {
  const server = await ScriptedServer.start();
  const clock = new FakeClock(START_MS);
  const log = new ErrorLog();
  const tocsin = createTocsin({ baseUrl: server.url, clock, random: () => 0, onError: log.onError, ...options });
  t.teardown(() => server.stop());
  return { server, clock, log, tocsin };
}

const names = (pings: WirePing[]) => pings.map(({ name }) => name);

t.test('a beat on the wire', async (t) => {
  const { server, tocsin } = await setUp(t, { token: ' secret\n' });
  tocsin.ping('job/ä', '10m', {
    status: 'fail',
    message: 'boom',
    durationMs: 1500.4,
    exitCode: 3,
    run: 'run-1',
    grace: '30s',
    tags: ['db', 'nightly'],
    channels: ['default'],
  });
  t.equal(await tocsin.flush(), true);
  const { method, path, headers, body, pings } = await server.next();
  t.equal(method, 'POST');
  t.equal(path, '/tocsin.v1.HeartbeatService/PingBatch');
  t.match(headers, {
    'content-type': 'application/json',
    'connect-protocol-version': '1',
    'connect-timeout-ms': '10000',
    authorization: 'Bearer secret',
  });
  t.match(pings[0]?.beatId, /^[0-9a-f]{8}-[0-9a-f-]{27}$/);
  t.same(pings, [
    {
      name: 'job/ä',
      frequency: '10m',
      grace: '30s',
      status: 'BEAT_STATUS_FAIL',
      beatId: pings[0]?.beatId,
      message: 'boom',
      duration: '1.500s',
      exitCode: 3,
      run: 'run-1',
      tags: ['db', 'nightly'],
      channels: ['default'],
    },
  ]);
  const parsed = fromJson(contract.PingBatchRequestSchema, JSON.parse(body)).pings[0];
  t.match(parsed, {
    status: contract.BeatStatus.FAIL,
    duration: { seconds: 1n, nanos: 500_000_000 },
    exitCode: 3,
    timestamp: undefined,
  });
  t.same(tocsin.stats(), { queued: 0, delivered: 1, rejected: 0, dropped: 0 });
});

t.test("the contract's own Connect handler understands it", async (t) => {
  const received: contract.PingRequest[] = [];
  const routes = connectNodeAdapter({
    requireConnectProtocolHeader: true,
    routes: (router) =>
      router.service(contract.HeartbeatService, {
        pingBatch({ pings }) {
          received.push(...pings);
          const [first, second] = pings;
          return {
            results: [
              { result: { case: 'response', value: { name: first?.name, accepted: contract.Accepted.STALE } } },
              { result: { case: 'error', value: { code: 'invalid_argument', message: 'no', field: second?.name } } },
            ],
          };
        },
      }),
  });
  const server = createServer(routes).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const log = new ErrorLog();
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const tocsin = createTocsin({ baseUrl, onError: log.onError });
  tocsin.ping('a', '10m', { durationMs: 0.5 });
  tocsin.ping('b', '10m', { status: 'log', message: 'note' });
  t.equal(await tocsin.flush(), true);
  t.match(received, [
    { name: 'a', status: contract.BeatStatus.OK, duration: { seconds: 0n, nanos: 1_000_000 } },
    { name: 'b', status: contract.BeatStatus.LOG, message: 'note' },
  ]);
  t.same(tocsin.stats(), { queued: 0, delivered: 1, rejected: 1, dropped: 0 });
  t.match(log.errors, [{ kind: 'rejected', monitor: 'b' }]);
});

t.test('a plain beat has no more than it needs, and the default grace', async (t) => {
  const { server, tocsin } = await setUp(t);
  const graces = { '1s': '2s', '25s': '3s', '10m': '60s', '9h': '3240s', '366D': '3600s' } as const;
  for (const frequency of Object.keys(graces) as (keyof typeof graces)[]) tocsin.ping(frequency, frequency);
  await tocsin.flush();
  const { headers, pings } = await server.next();
  t.notOk(headers.authorization, 'no token, no header');
  t.same(Object.fromEntries(pings.map(({ name, grace }) => [name, grace])), graces);
  t.same(Object.keys(pings[0]!), ['name', 'frequency', 'grace', 'status', 'beatId']);
  t.equal(new Set(pings.map(({ beatId }) => beatId)).size, 5);
});

t.test('a base URL with a path, several clients side by side', async (t) => {
  const { server, tocsin } = await setUp(t);
  const other = createTocsin({ baseUrl: `${server.url}/behind/it/`, token: 'other', onError: () => {} });
  const { ping } = other;
  ping('b', '1h');
  t.equal(await other.flush(), true);
  t.match(await server.next(), {
    path: '/behind/it/tocsin.v1.HeartbeatService/PingBatch',
    headers: { authorization: 'Bearer other' },
  });
  tocsin.ping('a', '1h');
  t.equal(await tocsin.flush(), true);
  t.notOk((await server.next()).headers.authorization);
  t.equal(tocsin.stats().delivered, 1);
  t.equal(other.stats().delivered, 1);
});

t.test('everything that waits goes in one request, up to 200 beats and 256 KiB', async (t) => {
  const { server, tocsin } = await setUp(t);
  for (let index = 0; index < 450; index++) tocsin.ping(`job-${index}`, '1m');
  t.equal(server.requests.length, 0, 'nothing on the stack of the caller');
  t.equal(await tocsin.flush(), true);
  t.same(
    server.requests.map(({ pings }) => pings.length),
    [200, 200, 50],
  );
  t.same(
    names(server.requests.flatMap(({ pings }) => pings)),
    Array.from({ length: 450 }, (_, index) => `job-${index}`),
    'in order',
  );

  // Control characters take six bytes each in JSON.
  for (let index = 0; index < 20; index++) tocsin.ping('large', '1m', { message: '\x01'.repeat(10_000) });
  t.equal(await tocsin.flush(), true);
  const large = server.requests.slice(3);
  t.ok(large.every(({ body }) => Buffer.byteLength(body) < 300_000));
  t.equal(large.flatMap(({ pings }) => pings).length, 20);
});

t.test('what is away, slow or broken is tried again, with the same id and the time of the beat', async (t) => {
  const cases: [string, ScriptedServer['script']][] = [
    ['HTTP 500', failing(500)],
    ['HTTP 503', failing(503)],
    ['HTTP 429', failing(429)],
    ['HTTP 408', failing(408)],
    ['HTTP 409 with a code that passes', failing(409, { code: 'aborted' })],
    ['a reset connection', reset],
    ['no answer', hang],
    ['half an answer', (_, response) => void response.writeHead(200, { 'content-length': 9 }).write('{')],
    ['an HTML page', failing(200, '<html>')],
    ['other JSON', failing(200, { hello: 1 })],
    ['null', failing(200, 'null')],
    ['too few results', failing(200, { results: [] })],
    ['a result that is neither', failing(200, { results: [{}] })],
    ['a null result', failing(200, { results: [null] })],
    ['an answer without end', (_, response) => void response.writeHead(200).write('x'.repeat(2_000_000))],
  ];
  for (const [name, script] of cases) {
    await t.test(name, async (t) => {
      const { server, clock, tocsin, log } = await setUp(t);
      server.script = script;
      tocsin.ping('job', '10m');
      const first = (await server.next()).pings[0]!;
      t.notOk(first.timestamp, 'the first attempt goes at once, so it needs no time');
      // Only these two wait for the time limit, and nothing else may need it.
      if (name === 'no answer' || name === 'half an answer') await clock.advance(10_000);
      t.match(await log.next(), { kind: 'unavailable', dropped: 0 });
      t.equal(tocsin.stats().queued, 1);
      server.script = (received, response) => response.end(JSON.stringify(appliedAnswer(received)));
      await clock.advance(999);
      t.equal(server.requests.length, 1, 'not before the back-off');
      await clock.advance(1);
      t.same((await server.next()).pings, [{ ...first, timestamp: START_S }]);
      t.equal(await tocsin.flush(), true);
      t.same(tocsin.stats(), { queued: 0, delivered: 1, rejected: 0, dropped: 0 });
      t.equal(log.errors.length, 1);
    });
  }
});

t.test('a beat that waited for an attempt in flight says when it happened', async (t) => {
  const { server, clock, tocsin, log } = await setUp(t);
  server.script = hang;
  tocsin.ping('job', '10m', { message: 'first' });
  await server.next();
  tocsin.ping('job', '10m', { message: 'second' });
  await clock.advance(8_000);
  tocsin.ping('job', '10m', { message: 'third' });
  await clock.advance(2_000);
  t.match(await log.next(), { kind: 'unavailable', message: /no answer within 10 s/ });
  await clock.advance(1_000);
  const { pings } = await server.next();
  t.same(
    pings.map(({ message, timestamp }) => [message, timestamp]),
    [
      ['first', START_S],
      ['second', START_S],
      ['third', String(Number(START_S) + 8)],
    ],
  );
});

t.test('beats in flight are not dropped; of fails alone the oldest is', async (t) => {
  const { server, tocsin } = await setUp(t);
  const gate = Promise.withResolvers<void>();
  server.script = (received, response) => void gate.promise.then(() => applied(received, response));
  for (let index = 0; index < 200; index++) tocsin.ping('job', '1h', { status: 'fail' });
  t.equal((await server.next()).pings.length, 200);
  for (let index = 0; index < 801; index++) tocsin.ping('job', '1h', { status: 'fail', message: `${index}` });
  t.same(tocsin.stats(), { queued: 1_000, delivered: 0, rejected: 0, dropped: 1 });
  gate.resolve();
  t.equal(await tocsin.flush(), true);
  t.same(tocsin.stats(), { queued: 0, delivered: 1_000, rejected: 0, dropped: 1 });
  t.equal((await server.next()).pings[0]?.message, '1');
});

t.test('flush waits for what was there, not for what comes later', async (t) => {
  const { server, clock, tocsin } = await setUp(t);
  tocsin.ping('job', '1h');
  const flushed = tocsin.flush();
  await server.next();
  server.script = hang;
  tocsin.ping('job', '1h');
  t.equal(await flushed, true);
  await server.next();
  t.equal(tocsin.stats().queued, 1);
  const closed = tocsin.close({ timeoutMs: 0 });
  await clock.advance(0);
  t.equal(await closed, false);
});

t.test('close', async (t) => {
  const { server, tocsin, log } = await setUp(t);
  tocsin.ping('job', '1h');
  const closed = tocsin.close();
  t.equal(tocsin.close(), closed, 'once');
  tocsin.ping('late', '1h');
  t.equal(await closed, true);
  t.match(await log.next(), { kind: 'closed', dropped: 1, monitor: 'late' });
  t.same(tocsin.stats(), { queued: 0, delivered: 1, rejected: 0, dropped: 1 });

  const otherLog = new ErrorLog();
  const other = createTocsin({ baseUrl: server.url, onError: otherLog.onError });
  server.script = hang;
  other.ping('job', '1h');
  await server.next();
  await server.next();
  t.equal(await other.close({ timeoutMs: 0 }), false);
  t.same(other.stats(), { queued: 0, delivered: 0, rejected: 0, dropped: 1 });
  t.match(await otherLog.next(), { kind: 'closed', dropped: 1 });
});

t.test('settings that can not be used cost beats, never the job, and do not show the token', async (t) => {
  for (const options of [
    { baseUrl: 'not a url' },
    { baseUrl: 'ftp://host/' },
    { baseUrl: '' },
    { baseUrl: 'http://host/?a=1' },
    { baseUrl: 'http://user:hunter2@host/' },
    { baseUrl: 42 as never },
    { token: 'hunter2\r\nX-Evil: 1' },
    { token: 42 as never },
  ]) {
    const log = new ErrorLog();
    const tocsin = createTocsin({ ...options, onError: log.onError });
    tocsin.ping('job', '1h');
    tocsin.ping('job', '1h');
    t.equal(tocsin.withHeartbeat('job', '1h', () => 7)(), 7);
    const error = await log.next();
    t.match(error, { kind: 'invalid', message: /^no beat can be sent: / });
    t.notMatch(error.message, /hunter2/);
    t.equal(await tocsin.flush(), false);
    t.equal(log.errors.length, 1);
    t.same(tocsin.stats(), { queued: 0, delivered: 0, rejected: 0, dropped: 3 });
    t.equal(await tocsin.close(), false);
  }
});

t.test('nothing that was handed in can hurt the job', async (t) => {
  const fetches: unknown[] = [
    () => {
      throw new Error('sync');
    },
    () => Promise.reject(null),
    () => undefined,
    async () => ({}),
    async () => ({ status: 200, text: async () => Promise.reject(new Error('body')) }),
    async () => ({ status: 200, text: async () => 42 }),
    async () => ({ status: 200, body: new ReadableStream({ pull: (c) => c.enqueue('text, not bytes') }) }),
    42,
  ];
  const handlers: unknown[] = [
    () => {
      throw new Error('onError throws');
    },
    async () => {
      throw new Error('onError rejects');
    },
    42,
  ];
  const random = () => {
    throw new Error('no luck');
  };
  for (const fetch of fetches) {
    for (const onError of handlers) {
      const clock = new FakeClock(START_MS);
      const tocsin = createTocsin({ fetch, onError, clock, random } as TocsinOptions);
      t.equal(tocsin.withHeartbeat('job', '1h', (value: number) => value)(7), 7);
      await clock.advance(5_000);
      t.same(tocsin.stats(), { queued: 1, delivered: 0, rejected: 0, dropped: 0 }, 'and the beat is kept');
    }
  }
});

t.test('ping never throws: a beat that can not be sent is reported, a detail that can not is left out', async (t) => {
  const { server, tocsin, log } = await setUp(t);
  const ping = tocsin.ping as (...args: unknown[]) => void;
  const unusable: [unknown[], RegExp][] = [
    [[], /name must be/],
    [['', '1h'], /name must be .* got ""/],
    [['x'.repeat(257), '1h'], /name must be/],
    [['ä'.repeat(129), '1h'], /name must be/],
    [['a\0b', '1h'], /name must be/],
    [['\ud800', '1h'], /name must be/],
    [[Symbol('s'), '1h'], /name must be .* Symbol\(s\)/],
    [['job', '10x'], /frequency must be .* got "10x"/],
    [['job', '1.5h'], /frequency must be/],
    [['job', '367D'], /frequency must be/],
    [['job', '10m\n'], /frequency must be/],
    [['job', 600], /frequency must be .* got 600/],
    [['job', { toString: () => '1h' }], /frequency must be .* got an object/],
    [['job', '1h', { grace: '-1s' }], /grace must be/],
    [['job', '1h', { status: 'toString' }], /status must be ok, start, fail, log or keep_alive/],
  ];
  for (const [args, message] of unusable) {
    ping(...args);
    t.match(await log.next(), { kind: 'invalid', dropped: 1, message });
  }
  const hostile = {
    get status() {
      throw new Error('hostile');
    },
  };
  ping('job', '1h', hostile);
  t.match(await log.next(), { kind: 'internal', dropped: 1 });
  t.equal(log.errors.length, unusable.length + 1);
  await settle();
  t.equal(server.requests.length, 0);

  ping('job', '1h', {
    message: 1,
    durationMs: -1,
    exitCode: 1.5,
    run: 'x'.repeat(65),
    tags: ['a,b'],
    grace: '0s',
    foo: 1,
  });
  ping('job', '1h', null);
  ping('job', '1h', { exitCode: null, durationMs: 0, status: undefined, message: 'a\0\ud800b' });
  ping('job', '1h', { tags: ['a\tb'] });
  await tocsin.flush();
  t.same(
    log.errors
      .slice(unusable.length + 1)
      .map(({ kind, dropped, message }) => [kind, dropped, message.split(' must')[0]]),
    ['message', 'durationMs', 'exitCode', 'run', 'tags', 'tags'].map((name) => ['invalid', 0, `ping: ${name}`]),
  );
  const { pings } = await server.next();
  t.match(pings, [
    { name: 'job', grace: '0s', message: undefined, duration: undefined, exitCode: undefined, run: undefined },
    { name: 'job', grace: '360s' },
    { name: 'job', duration: '0.000s', exitCode: undefined, message: 'a\ufffd\ufffdb' },
  ]);
});

t.test('a redirect is not followed', async (t) => {
  const { server, tocsin, log } = await setUp(t, { token: 'secret' });
  const elsewhere = await ScriptedServer.start();
  t.teardown(() => elsewhere.stop());
  server.script = (_, response) => void response.writeHead(307, { location: elsewhere.url }).end();
  tocsin.ping('job', '1h');
  t.match(await log.next(), { kind: 'refused', message: /HTTP 307/ });
  t.equal(elsewhere.requests.length, 0);
});
