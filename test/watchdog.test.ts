import t, { type Test } from 'tap';
import type { HttpRequest } from '../server/notify/http-attempt.ts';
import type { Verdict } from '../server/notify/notifier.ts';
import { type Stuck, stuckPart } from '../server/self-watch.ts';
import { Watchdog } from '../server/watchdog.ts';
import { FakeClock, settle } from './support/fake-clock.ts';

const ok: Verdict = { kind: 'ok', detail: 'HTTP 200', httpStatus: 200 };
const refused: Verdict = { kind: 'retryable', reason: 'network', detail: 'connection refused' };

function setUp(t: Test, url = 'https://watch.example/ping/0123456789') {
  const clock = new FakeClock();
  const scene = {
    clock,
    requests: [] as (HttpRequest & { atMs: number })[],
    log: [] as string[],
    answer: ok as Verdict | Promise<Verdict>,
    stuck: null as Stuck | null,
    signal: null as AbortSignal | null,
  };
  const write = (_: object, message: string): void => {
    scene.log.push(message);
  };
  const watchdog = new Watchdog({
    url,
    everyMs: 60_000,
    clock,
    stuck: () => scene.stuck,
    http: async (request, { signal }) => {
      scene.requests.push({ ...request, atMs: clock.monotonicMs() });
      scene.signal = signal;
      return scene.answer;
    },
    logger: { info: write, warn: write, error: write },
  });
  t.teardown(() => watchdog.stop());
  return Object.assign(scene, { watchdog });
}

t.test('pings at once, and then every minute', async (t) => {
  const scene = setUp(t);
  scene.watchdog.start();
  await scene.clock.advance(150_000);
  t.same(
    scene.requests.map(({ atMs }) => atMs),
    [0, 60_000, 120_000],
  );
  t.match(scene.requests[0], { url: 'https://watch.example/ping/0123456789', method: 'GET', body: null });
  t.same(scene.log, []);
  scene.watchdog.stop();
  await scene.clock.advance(600_000);
  t.equal(scene.requests.length, 3, 'not after it was stopped');
});

t.test('credentials of the URL become Basic authorization', async (t) => {
  const scene = setUp(t, 'https://me:pass%20word@watch.example/x#part');
  scene.watchdog.start();
  t.match(scene.requests[0], {
    url: 'https://watch.example/x',
    headers: { authorization: `Basic ${Buffer.from('me:pass word').toString('base64')}` },
  });
});

t.test('does not ping while something is stuck, and says so once', async (t) => {
  const scene = setUp(t);
  scene.watchdog.start();
  scene.stuck = { part: 'alerts', problem: 'alerts that are due stay behind' };
  await scene.clock.advance(600_000);
  t.equal(scene.requests.length, 1);
  scene.stuck = null;
  await scene.clock.advance(60_000);
  t.equal(scene.requests.length, 2);
  t.same(scene.log, [
    'stuck: TOCSIN_WATCHDOG_URL is not pinged',
    'not stuck any more: TOCSIN_WATCHDOG_URL is pinged again',
  ]);
});

t.test('a ping that fails is told once, and once that it works again', async (t) => {
  const scene = setUp(t);
  scene.answer = refused;
  scene.watchdog.start();
  await scene.clock.advance(600_000);
  t.equal(scene.requests.length, 11, 'it goes on');
  scene.answer = ok;
  await scene.clock.advance(120_000);
  t.same(scene.log, [
    'TOCSIN_WATCHDOG_URL does not answer: whoever watches it will think that all is lost',
    'TOCSIN_WATCHDOG_URL answers again',
  ]);
});

t.test('a stop cuts off a ping that is under way, and nothing is told of it', async (t) => {
  const scene = setUp(t);
  let answer = (_: Verdict): void => {};
  scene.answer = new Promise((resolve) => {
    answer = resolve;
  });
  scene.watchdog.start();
  scene.watchdog.stop();
  t.equal(scene.signal?.aborted, true);
  answer({ kind: 'retryable', reason: 'aborted', detail: 'cut off' });
  await settle();
  t.same(scene.log, []);
});

t.test('what is stuck', async (t) => {
  const health = { storeError: '', queued: 0, monitors: 0, armed: 0, unstampedMs: 900 };
  const part = (its: Partial<typeof health>, problem = '') =>
    stuckPart({ engine: { health: () => ({ ...health, ...its }) }, outbox: { problem: () => problem } });
  t.equal(part({}), null);
  t.same(part({ storeError: 'the disk is full' }, 'x'), { part: 'store', problem: 'the disk is full' });
  t.equal(part({ unstampedMs: 9_999 }), null);
  t.match(part({ unstampedMs: 10_000 }), { part: 'engine' });
  t.same(part({}, 'alerts that are due stay behind'), { part: 'alerts', problem: 'alerts that are due stay behind' });
});
