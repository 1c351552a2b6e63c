import t, { type Test } from 'tap';
import { collectMs } from '../../server/outbox/grouping.ts';
import { AlertReceiver } from '../support/alert-receiver.ts';
import { startAppOnFakeClock } from '../support/app-on-fake-clock.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { temporaryDirectory } from '../support/running-server.ts';

// The whole app over HTTP, with time in the test's hands. 2026-01-01T00:00:00Z is where every test begins.

const minuteMs = 60_000;

async function setUp(t: Test, env: Record<string, string> = {}) {
  const clock = new FakeClock();
  const receiver = await new AlertReceiver().listen();
  t.teardown(() => receiver.close());
  const settings = { TOCSIN_DATA_DIR: await temporaryDirectory(t), PING_ALERT_URI: receiver.url, ...env };
  let app = await startAppOnFakeClock(clock, settings);
  t.teardown(() => app.stop());
  const call = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${app.url}${path}`, init);
    return { http: response.status, ...((await response.json()) as Record<string, unknown>) } as {
      http: number;
      [key: string]: unknown;
    };
  };
  return {
    clock,
    receiver,
    ping: (query: Record<string, string>) => call(`/ping?${new URLSearchParams(query)}`),
    remove: (name: string) => call(`/ping?${new URLSearchParams({ name })}`, { method: 'DELETE' }),
    show: (name: string) => call(`/monitors/${encodeURIComponent(name)}`),
    /** Lets `ms` pass, then waits until every alert made by then is delivered. */
    pass: async (ms: number) => {
      await clock.advance(ms);
      for (;;) {
        // A new report is made once a second, and alerts wait for company as long.
        const { alerts } = (await call('/healthz')) as unknown as { alerts: { pending: number } };
        if (alerts.pending === 0) return;
        await clock.advance(collectMs);
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    restart: async (awayMs: number) => {
      await app.stop();
      clock.stall(awayMs);
      app = await startAppOnFakeClock(clock, settings);
    },
    told: () => receiver.accepted.map(({ body }) => `${body!.type} ${body!.data.name}`),
  };
}

const iso = (text: string) => `2026-01-01T${text}Z`;

t.test('every ping replaces frequency, last and next', async (t) => {
  const { ping, pass, told, receiver } = await setUp(t);
  await ping({ name: 'job', frequency: '1m' });
  await pass(30_000);
  const second = await ping({ name: 'job', frequency: '10m' });
  t.match(second, { http: 200, accepted_at: iso('00:00:30.000'), deadline: iso('00:10:30.000') });
  await pass(9 * minuteMs + 59_000);
  t.same(told(), [], 'nothing at 00:01:00, nor a second before the new deadline');
  await pass(1_100);
  t.same(told(), ['monitor.down job']);
  t.equal(receiver.accepted[0]!.body!.data.down_since, Date.parse(iso('00:10:30.000')) / 1000);
  await pass(60 * minuteMs);
  t.equal(told().length, 1, 'said once');
});

t.test('grace: late between due and deadline, then down', async (t) => {
  const { ping, pass, show, told } = await setUp(t);
  t.match(await ping({ name: 'job', frequency: '10m', grace: '2m' }), {
    due_at: iso('00:10:00.000'),
    deadline: iso('00:12:00.000'),
  });
  await pass(11 * minuteMs);
  t.match(await show('job'), { status: 'late' });
  t.same(told(), []);
  await pass(minuteMs + 100);
  t.match(await show('job'), { status: 'down', incident: { started_at: iso('00:12:00.000'), reason: 'missed' } });
  t.same(told(), ['monitor.down job']);
});

t.test('timestamps: older than the last is refused, equal is fine, removal forgets', async (t) => {
  const { ping, show } = await setUp(t);
  const atS = Date.parse(iso('00:00:00.000')) / 1000;
  await ping({ name: 'job', frequency: '1h', timestamp: String(atS - 60) });
  t.match(await ping({ name: 'job', frequency: '5m', timestamp: String(atS - 61) }), {
    http: 400,
    field: 'timestamp',
    message: /older than the last/,
  });
  t.match(await show('job'), { frequency: '1h', last_beat_at: '2025-12-31T23:59:00.000Z' }, 'nothing changed');
  t.match(await ping({ name: 'job', frequency: '1h', timestamp: String(atS - 60) }), { http: 200 });
  t.match(await ping({ name: 'job', frequency: '1h', timestamp: String(atS + 59) }), {
    http: 200,
    accepted_at: iso('00:00:00.000'),
  });
  t.match(await ping({ name: 'job', frequency: '1h', timestamp: String(atS * 1000) }), {
    http: 400,
    message: /milliseconds/,
  });
});

t.test('our own outage is not their silence', async (t) => {
  const { ping, pass, show, told, restart, receiver } = await setUp(t);
  await ping({ name: 'pings again', frequency: '10m' });
  await ping({ name: 'is gone', frequency: '10m' });
  await pass(9 * minuteMs);
  await restart(5 * minuteMs);
  await pass(1_000);
  t.same(told(), [], 'both deadlines passed while nobody listened: no storm');
  t.match(await show('is gone'), { status: 'late', held_until: iso('00:24:00.000') });
  await ping({ name: 'pings again', frequency: '1h' });
  await restart(2_500);
  await pass(10 * minuteMs);
  t.same(told(), ['monitor.down is gone'], 'the hold ends once, and is not renewed by another restart');
  const { data, text } = receiver.accepted[0]!.body!;
  t.match(data, { blind: { from: Number, to: Date.parse(iso('00:14:00.000')) / 1000 } });
  t.match(text, /was not listening/);
  t.match(await show('is gone'), { incident: { started_at: iso('00:24:00.000') } });
});

t.test('a short restart changes nothing', async (t) => {
  const { ping, pass, told, restart } = await setUp(t);
  await ping({ name: 'job', frequency: '10m' });
  await pass(10 * minuteMs - 1_000);
  await restart(1_500);
  await pass(200);
  t.same(told(), ['monitor.down job']);
});

t.test('a suspended machine was not listening either', async (t) => {
  const { clock, ping, pass, told } = await setUp(t);
  await ping({ name: 'job', frequency: '10m' });
  await pass(5 * minuteMs);
  clock.suspend(60 * minuteMs);
  await pass(2_000);
  t.same(told(), []);
  await ping({ name: 'job', frequency: '10m' });
  await pass(9 * minuteMs);
  t.same(told(), []);
});

t.test('a wall clock that goes back fires nothing early and keeps working', async (t) => {
  const { clock, ping, pass, told } = await setUp(t);
  await ping({ name: 'job', frequency: '10m' });
  await pass(5 * minuteMs);
  clock.jumpWall(-60 * minuteMs);
  await pass(2_000);
  t.match(await ping({ name: 'job', frequency: '1m' }), { http: 200, accepted: 'applied' });
  await pass(59_000);
  t.same(told(), []);
  await pass(1_100);
  t.same(told(), ['monitor.down job']);
});

t.test('TOCSIN_ALERT_REPEAT repeats while down, each with an id of its own', async (t) => {
  const { ping, pass, told, receiver } = await setUp(t, { TOCSIN_ALERT_REPEAT: '60s' });
  await ping({ name: 'job', frequency: '10m', status: 'fail', message: 'disk full', exit_code: '3' });
  await pass(100);
  for (let minute = 0; minute < 3; minute++) await pass(minuteMs);
  t.equal(told().length, 4);
  t.same(
    receiver.accepted.map(({ body }) => body!.data.repeat),
    [0, 1, 2, 3],
  );
  t.equal(new Set(receiver.accepted.map(({ headers }) => headers['webhook-id'])).size, 4);
  t.match(receiver.accepted[0]!.body!.data, { reason: 'failed', message: 'disk full', exit_code: 3 });
  await ping({ name: 'job', frequency: '1h' });
  await pass(10 * minuteMs);
  t.same(told().slice(4), ['monitor.up job'], 'silent after the recovery');
});

t.test('a replay after the deadline neither recovers nor alerts again; a beat id counts once', async (t) => {
  const { ping, pass, show, told } = await setUp(t);
  const startS = Date.parse(iso('00:00:00.000')) / 1000;
  await ping({ name: 'job', frequency: '1m', beat_id: 'one' });
  t.match(await ping({ name: 'job', frequency: '1m', beat_id: 'one' }), { accepted: 'duplicate' });
  await pass(5 * minuteMs);
  t.same(told(), ['monitor.down job']);
  const old = { name: 'job', frequency: '1m', timestamp: String(startS + 60), beat_id: 'two' };
  t.match(await ping(old), { http: 200, accepted: 'applied', status: 'down' });
  t.match(await ping({ ...old, timestamp: String(startS + 30), beat_id: 'three' }), { accepted: 'stale' });
  await pass(minuteMs);
  t.same(told(), ['monitor.down job']);
  await ping({ name: 'job', frequency: '1m' });
  await pass(1_000);
  t.match(await show('job'), { status: 'up' });
  t.same(told(), ['monitor.down job', 'monitor.up job']);
});

t.test('stamped pings count again at once after the wall clock was set back', async (t) => {
  const { clock, ping, pass, told } = await setUp(t);
  await ping({ name: 'job', frequency: '10m' });
  await pass(5 * minuteMs);
  clock.jumpWall(-60 * minuteMs);
  await pass(2_000);
  for (let round = 0; round < 3; round++) {
    const timestamp = String(Math.floor(clock.wallMs() / 1000));
    t.match(await ping({ name: 'job', frequency: '10m', timestamp }), { http: 200, accepted: 'applied' });
    await pass(9 * minuteMs);
  }
  t.same(told(), []);
});

t.test('removal closes the alert', async (t) => {
  const { clock, ping, remove, receiver, pass, told } = await setUp(t);
  receiver.answer = () => 500;
  await ping({ name: 'job', frequency: '1h', status: 'fail' });
  await clock.advance(collectMs);
  await receiver.until(() => receiver.attempts.length === 1);
  await remove('job');
  await ping({ name: 'job', frequency: '1h' });
  receiver.answer = () => 200;
  await pass(10 * minuteMs);
  t.equal(told().at(-1), 'monitor.closed job', 'whoever hears of it hears that it is over');
  const before = told().length;
  await ping({ name: 'job', frequency: '1h', status: 'fail' });
  await pass(1_000);
  t.same(told().slice(before), ['monitor.down job']);
});
