import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import Fastify from 'fastify';
import t, { type Test } from 'tap';
import type { Outcome } from '../../server/engine/command.ts';
import type { Beat } from '../../server/engine/domain/monitor.ts';
import { healthchecksRoutes } from '../../server/healthchecks/healthchecks-routes.ts';
import { pingKeyCheck } from '../../server/healthchecks/ping-key.ts';
import { StoreError } from '../../server/store/store.ts';
import { CallMetrics } from '../../server/transport/call-metrics.ts';
import { clockMs, monitorOf, tenMs } from '../engine/cast.ts';
import { startAppOnFakeClock } from '../support/app-on-fake-clock.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { temporaryDirectory } from '../support/running-server.ts';

const pingKey = 'ping-key-of-the-test';
const token = 'token-of-the-test';
const bearer = { authorization: `Bearer ${token}` };
const run = '728b3763-ea92-4833-b7b5-ff79a2c9c3e7';
const otherRun = '0b6ac6c7-4a3b-4b3a-9a63-7ab1a1a40c3f';

type MonitorJson = {
  status: string;
  runs: { run: string }[];
  incident: { message: string };
  ping_id: string;
  [field: string]: unknown;
};

async function startServer(t: Test, env: Record<string, string> = {}) {
  const clock = new FakeClock(tenMs);
  const app = await startAppOnFakeClock(clock, { TOCSIN_DATA_DIR: await temporaryDirectory(t), ...env });
  t.teardown(() => app.stop());
  const ping = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${app.url}${path}`, init);
    return [response.status, await response.text()];
  };
  const monitor = async (name: string) => {
    const response = await fetch(`${app.url}/monitors/${name}`, { headers: bearer });
    return (await response.json()) as MonitorJson;
  };
  return { url: app.url, clock, ping, monitor };
}

t.test('create=1 makes a monitor as Healthchecks does, and its id opens it without a token', async (t) => {
  const { url, ping, monitor } = await startServer(t, { TOCSIN_TOKEN: token, TOCSIN_PING_KEY: pingKey });
  t.strictSame(await ping(`/hc/${pingKey}/backup`), [404, 'not found']);
  t.strictSame(await ping(`/hc/${pingKey}/backup?create=1`), [201, 'Created']);
  t.strictSame(await ping(`/hc/${pingKey}/backup?create=1`), [200, 'OK'], 'once');
  const made = await monitor('backup');
  t.match(made, {
    status: 'up',
    frequency: '1D',
    grace: '1h',
    max_run: '1h',
    origin: 'api',
  });

  const answer = await fetch(`${url}/hc/${made.ping_id}`);
  t.equal(answer.status, 200);
  t.equal(await answer.text(), 'OK');
  const { headers } = answer;
  t.equal(headers.get('ping-body-limit'), '10000');
  t.equal(headers.get('access-control-allow-origin'), '*');
  t.equal(headers.get('content-type'), 'text/plain; charset=utf-8');
  t.equal(headers.get('cache-control'), 'no-store');
  t.strictSame(await ping(`/ping/${made.ping_id}/start`), [200, 'OK'], 'below /ping/ too');
  t.strictSame(await ping(`/ping/${pingKey}/backup/0`), [200, 'OK']);
  const head = await fetch(`${url}/hc/${made.ping_id}/fail`, { method: 'HEAD' });
  t.equal(head.status, 200);
  t.equal(await head.text(), '');
  t.match(await monitor('backup'), { status: 'down' }, 'a HEAD is a ping');
});

t.test('who may ping by name', async (t) => {
  const closed = await startServer(t, { TOCSIN_TOKEN: token });
  t.strictSame(
    await closed.ping(`/hc/${pingKey}/backup?create=1`),
    [404, 'not found'],
    'a token and no ping key: nobody',
  );
  const keyed = await startServer(t, { TOCSIN_PING_KEY: pingKey });
  t.strictSame(await keyed.ping(`/hc/${pingKey}x/backup?create=1`), [404, 'not found'], 'a wrong key');
  t.strictSame(await keyed.ping(`/hc/${pingKey}/backup?create=1`), [201, 'Created']);
  const open = await startServer(t);
  t.strictSame(await open.ping('/hc/any/backup?create=1'), [201, 'Created'], 'an open server takes any key');
});

t.test('what is wrong with a URL', async (t) => {
  const { url, ping, monitor } = await startServer(t);
  const unknown = '00000000-0000-4000-8000-000000000000';
  t.strictSame(await ping(`/hc/${unknown}`), [404, 'not found']);
  t.strictSame(await ping(`/hc/${unknown}?create=1`), [404, 'not found'], 'an id cannot be chosen');
  t.strictSame(await ping(`/hc/${unknown}/256`), [400, 'invalid url format']);
  t.strictSame(await ping('/hc/key/backup/stop'), [400, 'invalid url format']);
  t.strictSame(await ping('/hc/key/%00?create=1'), [400, 'invalid url format'], 'no name');
  t.strictSame(await ping(`/hc/key/${'x'.repeat(257)}?create=1`), [400, 'invalid url format']);
  t.strictSame(await ping('/hc/key/backup?rid=1'), [400, 'invalid uuid format']);
  const put = await fetch(`${url}/hc/${unknown}`, { method: 'PUT' });
  t.equal(put.status, 405);
  t.equal(put.headers.get('allow'), 'GET, HEAD, POST');
  t.match(await monitor('backup'), { code: 'not_found' });
});

t.test('what was served below /ping before is served as before', async (t) => {
  const { url, ping } = await startServer(t);
  const batch = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"pings":[{"name":"a","frequency":"1m"}]}',
  };
  t.match(await ping('/ping/batch', batch), [200, /"results"/]);
  t.match(await ping('/ping/batch'), [405, /method/]);
  t.match(await ping('/ping/x'), [405, /DELETE/]);
  t.match(await ping('/ping?name=a%2Fb&frequency=1m'), [200, /a\/b/]);
  t.match(await ping('/ping/a/b', { method: 'DELETE' }), [200, /a\/b/]);
  t.match(await ping('/ping/remove?name=a'), [200, /"name":"a"/]);
  t.equal((await fetch(`${url}/ping?name=a&frequency=1m`, { method: 'HEAD' })).status, 405);
});

t.test('a monitor that pings made keeps its schedule', async (t) => {
  const { clock, ping, monitor } = await startServer(t);
  await ping('/ping?name=web&frequency=5m&grace=10s');
  await clock.advance(60_000);
  t.strictSame(await ping('/hc/key/web'), [200, 'OK']);
  const { frequency, grace, due_at, origin } = await monitor('web');
  t.strictSame([frequency, grace, due_at, origin], ['5m', '10s', '2026-03-14T10:06:00.000Z', 'ping']);
});

t.test('the UUID that a check had opens the monitor that got it, and its cron schedule stays', async (t) => {
  const { url, ping, monitor } = await startServer(t);
  const body = JSON.stringify({ cron: '0 3 * * *', time_zone: 'Europe/Berlin', ping_id: run.toUpperCase() });
  await fetch(`${url}/monitors/job`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body });
  t.strictSame(await ping(`/hc/${run}`), [200, 'OK']);
  const { status, cron, time_zone, due_at } = await monitor('job');
  t.strictSame([status, cron, time_zone, due_at], ['up', '0 3 * * *', 'Europe/Berlin', '2026-03-15T02:00:00.000Z']);
});

t.test('signals, runs and exit codes', async (t) => {
  const { clock, ping, monitor } = await startServer(t);
  const states = async () => {
    const { status, runs } = await monitor('job');
    return [status, runs.map((open) => open.run)];
  };
  t.strictSame(await ping(`/hc/key/job/start?create=1&rid=${run}`), [201, 'Created']);
  t.strictSame(await states(), ['new', [run]]);
  await ping('/hc/key/job/log', { method: 'POST', body: 'half of it' });
  t.strictSame(await states(), ['new', [run]], 'a log changes nothing');
  await ping(`/hc/key/job?rid=${otherRun}`);
  t.strictSame(await states(), ['up', [run]], "another run's end leaves the start open");
  await ping('/hc/key/job');
  t.strictSame(await states(), ['up', []], 'an end without a run ends what is open');
  await ping('/hc/key/job/3', { method: 'POST', body: 'no space left' });
  t.match(await monitor('job'), {
    status: 'down',
    incident: { exit_code: 3, message: 'no space left' },
  });
  await ping('/hc/key/job/0');
  t.strictSame(await states(), ['up', []]);
  await ping('/hc/key/job/fail');
  t.strictSame(await states(), ['down', []]);
  await ping(`/hc/key/job/start?rid=${run}`);
  await ping(`/hc/key/job?rid=${run}`);
  t.strictSame(await states(), ['up', []]);
  await ping('/hc/key/job/start');
  await clock.advance(clockMs('11:00:01') - tenMs);
  t.match(await monitor('job'), { status: 'down', incident: { reason: 'overran' } });
});

t.test('a body of any kind and size is taken', async (t) => {
  const { ping, monitor } = await startServer(t, { TOCSIN_MAX_BODY_BYTES: '20000' });
  const post = (body: string | Uint8Array<ArrayBuffer>, type?: string) =>
    ping('/hc/key/job/fail?create=1', { method: 'POST', body, headers: type ? { 'content-type': type } : {} });
  const message = async () => (await monitor('job')).incident.message;
  t.strictSame(await post('m=1&n=2', 'application/x-www-form-urlencoded'), [201, 'Created']);
  t.equal(await message(), 'm=1&n=2');
  for (const [body, shown] of [
    [Uint8Array.of(0x61, 0xff), 'a\ufffd'],
    ['x'.repeat(20_000), 'x'.repeat(10_000)],
    // Over the limit of other bodies: what is too long must not lose its ping.
    ['x'.repeat(9_999) + 'ü'.repeat(1_000_000), 'x'.repeat(9_999)],
  ] as const) {
    await ping('/hc/key/job');
    t.strictSame(await post(body, 'application/octet-stream'), [200, 'OK']);
    t.equal(await message(), shown);
  }
  for (const type of ['none', 'a/b; c', ';', 'application/json'])
    t.strictSame(await post('x', type), [200, 'OK'], type);
  const many = new ReadableStream({
    start(controller) {
      for (let left = 0; left < 300; left += 1) controller.enqueue(Buffer.from('0123456789'.repeat(10)));
      controller.close();
    },
  });
  await ping('/hc/key/job');
  const chunked = { method: 'POST', body: many, duplex: 'half' } as RequestInit;
  t.strictSame(await ping('/hc/key/job/fail', chunked), [200, 'OK']);
  t.equal(await message(), '0123456789'.repeat(1_000));
  const endless = 'x'.repeat(64 * 1024 * 1024 + 1);
  t.match(await post(endless), [413, 'body: is over the limit']);
});

t.test('a body is read only of who may ping', async (t) => {
  const { url } = await startServer(t, { TOCSIN_TOKEN: token, TOCSIN_PING_KEY: pingKey });
  const announce = async (path: string) => {
    const sent = request(`${url}${path}`, { method: 'POST', headers: { 'content-length': '10000' } });
    sent.on('error', () => {});
    sent.flushHeaders();
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    sent.destroy();
    return answer.statusCode;
  };
  t.equal(await announce('/hc/some-other-key/backup?create=1'), 404);
  t.equal(await announce('/hc/00000000-0000-4000-8000-000000000000'), 404);
  t.equal(await announce(`/hc/${pingKey}/backup/stop`), 400);
});

const signals = ['', '/start', '/fail', '/log', '/0', '/9'];
const asPing: Record<string, object> = {
  '': {},
  '/start': { status: 'start' },
  '/fail': { status: 'fail' },
  '/log': { status: 'log' },
  '/0': { exit_code: 0 },
  '/9': { exit_code: 9 },
};

/** All but what is of one monitor alone. */
function stateOf({ name: _, ping_id: __, etag: ___, incident, ...state }: MonitorJson): object {
  return { ...state, incident: incident && { ...incident, id: '' } };
}

t.test('whatever is signalled, it is what the same pings come to', async (t) => {
  const { url, clock, ping, monitor } = await startServer(t);
  const headers = { 'content-type': 'application/json' };
  const put = async (name: string) => {
    const body = JSON.stringify({ frequency: '2m', grace: '30s', max_run: '90s' });
    t.equal((await fetch(`${url}/monitors/${name}`, { method: 'PUT', headers, body })).status, 200);
  };
  const step = fc.record({
    signal: fc.constantFrom(...signals),
    run: fc.constantFrom('', run, otherRun),
    text: fc.constantFrom('', 'text'),
    waitS: fc.constantFrom(0, 1, 100, 200),
  });
  let count = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
      count += 1;
      const [original, other] = [`a${count}`, `b${count}`];
      await put(original);
      await put(other);
      for (const { signal, run, text, waitS } of steps) {
        await clock.advance(waitS * 1000);
        const init = text === '' ? {} : { method: 'POST', body: text };
        await ping(`/hc/key/${original}${signal}${run === '' ? '' : `?rid=${run}`}`, init);
        const body = JSON.stringify({ name: other, run, message: text, ...asPing[signal] });
        await fetch(`${url}/ping`, { method: 'POST', headers, body });
        const [one, same] = [stateOf(await monitor(original)), stateOf(await monitor(other))];
        if (!isDeepStrictEqual(one, same)) return false;
      }
      return true;
    }),
    { numRuns: 12 },
  );
});

t.test('the beat, field by field, and what a refusal is told as', async (t) => {
  const beats: Beat[] = [];
  let outcome: Outcome = { ok: true, accepted: 'applied', created: false, atMs: 0, monitor: monitorOf() };
  let failure: Error | null = null;
  const metrics = new CallMetrics();
  const app = Fastify();
  t.teardown(() => app.close());
  const routes = healthchecksRoutes({
    engine: {
      beat: async (beat) => {
        beats.push(beat);
        return outcome;
      },
    },
    store: {
      load: async () => {
        if (failure) throw failure;
        return [{ monitor: monitorOf(), seenBeat: undefined }];
      },
    },
    clock: new FakeClock(tenMs),
    metrics,
    isPingKey: pingKeyCheck(pingKey, { isOpen: false }),
    newId: () => 'an id',
  });
  app.register(async (scope) => routes(scope));
  const post = (url: string) =>
    app.inject({ method: 'POST', url, payload: 'text', headers: { 'user-agent': 'u'.repeat(300) } });

  await post(`/hc/${run}/7?rid=${otherRun}`);
  t.match(beats.at(-1), {
    name: 'backup',
    status: 'fail',
    exitCode: 7,
    run: otherRun,
    message: 'text',
    body: null,
    keepsSchedule: true,
    provision: null,
    frequencyMs: null,
    receivedMs: tenMs,
    userAgent: 'u'.repeat(200),
  });
  await post(`/hc/${pingKey}/web?create=1`);
  t.match(beats.at(-1), {
    name: 'web',
    status: 'ok',
    exitCode: null,
    provision: { pingId: 'an id', frequencyMs: 86_400_000 },
  });

  const refused = async (code: (Outcome & { ok: false })['refusal']['code']) => {
    outcome = { ok: false, refusal: { code, field: '', message: 'why' } };
    const answer = await post(`/hc/${run}`);
    return [answer.statusCode, answer.body, answer.headers['retry-after']];
  };
  t.strictSame(await refused('unavailable'), [503, 'why', '1']);
  t.strictSame(await refused('resource_exhausted'), [429, 'why', '1']);
  t.strictSame(await refused('not_found'), [404, 'not found', undefined], 'removed a moment ago');
  t.strictSame(await refused('invalid_argument'), [400, 'why', undefined]);
  failure = new StoreError('io', 'of no interest to a client');
  const unread = await post(`/hc/${run}`);
  t.strictSame([unread.statusCode, unread.headers['retry-after']], [503, '1']);
  t.notMatch(unread.body, /no interest/);
  t.match(
    metrics.counts().map(({ method, code, count }) => `${method} ${code} ${count}`),
    ['healthchecks/Ping ok 2', 'invalid_argument 1', 'not_found 1', 'resource_exhausted 1', 'unavailable 2'],
  );
});
