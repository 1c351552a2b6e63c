import t from 'tap';
import { type Clock, createTocsin, type FetchLike, type TocsinOptions } from '../../sdk/src/sdk.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { ErrorLog } from './error-log.ts';
import type { WirePing } from './scripted-server.ts';

const START_MS = Date.UTC(2026, 0, 1) + 400;
const START_S = String(Math.floor(START_MS / 1000));
const DAY_MS = 86_400_000;

type Answer = { status: number; body: object };

/**
 * A client whose fetch answers in the same instant of the test's clock, so that times can be told to the millisecond.
 * `calls` holds when each attempt went out (ms since the start) and with what. `random` 0 draws the shortest waits.
 */
function setUp(answer: (pings: WirePing[]) => Answer, options: TocsinOptions = {}) {
  const clock = new FakeClock(START_MS);
  const log = new ErrorLog();
  const calls: { atMs: number; pings: WirePing[] }[] = [];
  const fetch: FetchLike = async (_, { body }) => {
    const { pings } = JSON.parse(body) as { pings: WirePing[] };
    calls.push({ atMs: clock.monotonicMs(), pings });
    const { status, body: answered } = answer(pings);
    return { status, text: async () => JSON.stringify(answered) };
  };
  const tocsin = createTocsin({ clock, random: () => 0, onError: log.onError, fetch, ...options });
  return { clock, log, calls, tocsin };
}

const status = (code: number, body: object = {}): Answer => ({ status: code, body });

/** Each item answered by itself: with an error of this code, or as applied. */
const items = (pings: WirePing[], codeOf: (ping: WirePing) => string | undefined): Answer => {
  const result = (code: string | undefined) => (code ? { error: { code, message: 'why' } } : { response: {} });
  return { status: 200, body: { results: pings.map((ping) => result(codeOf(ping))) } };
};
const fine = (pings: WirePing[]) => items(pings, () => undefined);

const gaps = (calls: { atMs: number }[]) => calls.slice(1).map(({ atMs }, index) => atMs - calls[index]!.atMs);
const names = (pings: WirePing[]) => pings.map(({ name }) => name);
const messages = (pings: WirePing[]) => pings.map(({ message }) => message);

t.test('the back-off doubles up to 60 s, is drawn anew each time, and starts over after an answer', async (t) => {
  let draw = 1;
  let away = true;
  const { clock, calls, log, tocsin } = setUp((pings) => (away ? status(503) : fine(pings)), { random: () => draw });
  tocsin.ping('job', '1h');
  await clock.advance(182_000);
  t.same(gaps(calls), [2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000], 'the ceiling');
  draw = 0.5;
  await clock.advance(60_000);
  draw = 0;
  await clock.advance(31_500);
  t.same(gaps(calls).slice(7), [60_000, 30_500, 1_000], 'and anything down to 1 s');
  t.equal(log.errors.length, 1, 'one outage, one report');
  away = false;
  await clock.advance(2_000);
  t.equal(tocsin.stats().delivered, 1);

  away = true;
  draw = 1;
  calls.length = 0;
  tocsin.ping('job', '1h');
  await clock.advance(6_000);
  t.same(gaps(calls), [2_000, 4_000]);
  t.equal(log.errors.length, 2, 'a new outage is reported again');
  for (const nonsense of [Number.NaN, 7, -1]) {
    draw = nonsense;
    calls.length = 0;
    await clock.advance(300_000);
    t.ok(calls.length > 4);
    t.ok(gaps(calls).every((gapMs) => gapMs >= 1_000 && gapMs <= 60_000));
  }
});

t.test('each item has its own answer', async (t) => {
  const passing = ['unavailable', 'resource_exhausted', 'deadline_exceeded', 'internal', 'unknown', 'aborted'];
  const lasting = ['invalid_argument', 'permission_denied', 'not_found', 'failed_precondition', 'whatever'];
  let strict = true;
  const { clock, calls, log, tocsin } = setUp((pings) =>
    items(pings, ({ name }) => (name === 'fine' || (!strict && passing.includes(name)) ? undefined : name)),
  );
  for (const name of ['fine', ...passing, ...lasting]) tocsin.ping(name, '1m');
  await clock.advance(0);
  t.same(tocsin.stats(), { queued: 6, delivered: 1, rejected: 5, dropped: 0 });
  t.same(
    log.errors
      .filter(({ kind }) => kind === 'rejected')
      .map(({ monitor, code, dropped }) => ({ monitor, code, dropped })),
    lasting.map((name) => ({ monitor: name, code: name, dropped: 1 })),
    'each dropped beat is reported once',
  );
  strict = false;
  await clock.advance(1_000);
  t.same(names(calls[1]!.pings), passing, 'what may pass is tried again, together and in order');
  t.ok(calls[1]!.pings.every(({ timestamp }) => timestamp === START_S));
  t.same(tocsin.stats(), { queued: 0, delivered: 7, rejected: 5, dropped: 0 });
});

t.test('a beat that has to wait holds back the later ones of its monitor, and nobody else', async (t) => {
  let exhausted = true;
  const { clock, calls, tocsin } = setUp((pings) =>
    items(pings, ({ name }) => (name === 'a' && exhausted ? 'resource_exhausted' : undefined)),
  );
  tocsin.ping('a', '1m', { message: 'a1' });
  await clock.advance(0);
  tocsin.ping('a', '1m', { message: 'a2' });
  tocsin.ping('b', '1m', { message: 'b1' });
  await clock.advance(500);
  t.same(messages(calls[1]!.pings), ['b1'], 'b goes on at once');
  tocsin.ping('a', '1m', { message: 'a3' });
  exhausted = false;
  await clock.advance(500);
  t.same(
    calls[2]!.pings.map(({ message, timestamp }) => [message, timestamp]),
    [
      ['a1', START_S],
      ['a2', undefined],
      ['a3', undefined],
    ],
    'in order; stamped is what was sent before',
  );
  t.equal(calls.length, 3);
});

t.test('a machine that slept meanwhile does not pass an old beat off as a new one', async (t) => {
  const { clock, calls, tocsin } = setUp(fine);
  tocsin.ping('job', '10m');
  clock.suspend(8 * 3_600_000);
  await clock.advance(0);
  t.equal(calls[0]?.pings[0]?.timestamp, START_S);
});

t.test('a clock that is set back or forth does not disturb the rest', async (t) => {
  let away = true;
  const { clock, calls, tocsin } = setUp((pings) => (away ? status(503) : fine(pings)));
  tocsin.ping('job', '10m');
  await clock.advance(500);
  clock.jumpWall(-3_600_000);
  away = false;
  await clock.advance(500);
  t.same(gaps(calls), [1_000]);
  t.equal(calls[1]?.pings[0]?.timestamp, START_S);
  t.equal(tocsin.stats().delivered, 1);
});

t.test('a beat that waited is stamped also when the clock was set back meanwhile', async (t) => {
  const gate = Promise.withResolvers<void>();
  const sent: WirePing[][] = [];
  const fetch: FetchLike = async (_, { body }) => {
    const { pings } = JSON.parse(body) as { pings: WirePing[] };
    sent.push(pings);
    await gate.promise;
    return { status: 200, text: async () => JSON.stringify(fine(pings).body) };
  };
  const { clock, tocsin } = setUp(fine, { fetch });
  tocsin.ping('job', '10m');
  await clock.advance(0);
  tocsin.ping('job', '10m');
  await clock.advance(5_000);
  clock.jumpWall(-3_600_000);
  gate.resolve();
  await clock.advance(0);
  t.same(
    sent.flat().map(({ timestamp }) => timestamp),
    [undefined, START_S],
  );
});

t.test('no timer outlives its use, and close gives up the attempt in flight', async (t) => {
  const clock = new FakeClock(START_MS);
  const pending = new Set<object>();
  const counting: Clock = {
    wallMs: () => clock.wallMs(),
    monotonicMs: () => clock.monotonicMs(),
    afterIo: (run) => clock.afterIo(run),
    after(delayMs, run) {
      const entry = {};
      const timer = clock.after(delayMs, () => {
        pending.delete(entry);
        run();
      });
      pending.add(entry);
      return {
        cancel() {
          pending.delete(entry);
          timer.cancel();
        },
      };
    },
  };
  let answer: Answer | undefined = status(503);
  let signal: AbortSignal | undefined;
  const fetch: FetchLike = async (_, init) => {
    signal = init.signal;
    if (!answer) return new Promise(() => {});
    const { status: code, body } = answer;
    return { status: code, text: async () => JSON.stringify(body) };
  };
  const tocsin = createTocsin({ clock: counting, random: () => 0, fetch, onError: () => {} });
  tocsin.ping('job', '1h');
  await clock.advance(0);
  t.equal(pending.size, 1, 'the back-off');
  tocsin.ping('job', '1h');
  await clock.advance(0);
  t.equal(pending.size, 1, 'still one');
  answer = { status: 200, body: { results: [{ response: {} }, { response: {} }] } };
  const flushed = tocsin.flush();
  await clock.advance(0);
  t.equal(await flushed, true);
  t.equal(pending.size, 0, 'nothing waits, no timer');
  answer = undefined;
  tocsin.ping('job', '1h');
  await clock.advance(0);
  const closed = tocsin.close({ timeoutMs: 1_000 });
  await clock.advance(999);
  t.equal(signal?.aborted, false);
  await clock.advance(1);
  t.equal(await closed, false);
  t.equal(signal?.aborted, true);
  t.equal(pending.size, 0);
});

t.test('a server that does not talk to us is asked again slowly, and mended settings cost no beats', async (t) => {
  const cases: [number, { code?: string }][] = [
    [401, { code: 'unauthenticated' }],
    [403, { code: 'permission_denied' }],
    [404, {}],
    [400, {}],
    [405, {}],
    [302, {}],
    [501, { code: 'unimplemented' }],
  ];
  for (const [code, body] of cases) {
    let mended = false;
    let draw = 0;
    const { clock, calls, log, tocsin } = setUp((pings) => (mended ? fine(pings) : status(code, body)), {
      random: () => draw,
    });
    tocsin.ping('job', '1h');
    await clock.advance(29_999);
    draw = 1;
    await clock.advance(1);
    await clock.advance(60_000);
    t.same(gaps(calls), [30_000, 60_000], `${code}: 30 to 60 s`);
    t.equal(log.errors.length, 1, 'said once');
    t.match(log.errors[0], { kind: 'refused', dropped: 0, code: body.code, message: new RegExp(`HTTP ${code}`) });
    mended = true;
    await clock.advance(60_000);
    t.equal(tocsin.stats().delivered, 1);
  }
});

t.test('one beat that spoils its request is found and dropped; the others arrive', async (t) => {
  for (const refusal of [status(400, { code: 'invalid_argument' }), status(413)]) {
    const { clock, log, tocsin } = setUp((pings) => (pings.some(({ name }) => name === 'bad') ? refusal : fine(pings)));
    for (let index = 0; index < 40; index++) tocsin.ping(index === 17 ? 'bad' : `good-${index}`, '1m');
    await clock.advance(60_000);
    t.same(tocsin.stats(), { queued: 0, delivered: 39, rejected: 1, dropped: 0 });
    t.same(
      log.errors.filter(({ dropped }) => dropped > 0).map(({ kind, monitor }) => [kind, monitor]),
      [['rejected', 'bad']],
    );
  }
});

t.test('a request that is too much for the server is made smaller', async (t) => {
  const { clock, log, tocsin } = setUp((pings) => (pings.length > 60 ? status(429) : fine(pings)));
  for (let index = 0; index < 200; index++) tocsin.ping(`job-${index}`, '1m');
  await clock.advance(60_000);
  t.same(tocsin.stats(), { queued: 0, delivered: 200, rejected: 0, dropped: 0 });
  t.ok(log.errors.every(({ kind }) => kind === 'unavailable'));
});

t.test('the queue is bounded: old oks go first, of the same monitor if there is one', async (t) => {
  let away = true;
  const { clock, calls, log, tocsin } = setUp((pings) => (away ? status(503) : fine(pings)));
  tocsin.ping('often', '1h', { status: 'fail', message: 'often fail' });
  tocsin.ping('rare', '1h', { message: 'rare ok' });
  for (let index = 0; index < 1_500; index++) tocsin.ping('often', '1h', { message: `ok ${index}` });
  t.same(tocsin.stats(), { queued: 1_000, delivered: 0, rejected: 0, dropped: 502 });
  await settle();
  t.match(log.errors, [{ kind: 'overflow', dropped: 502 }, { kind: 'unavailable' }], 'one report for one turn');
  const first = messages(calls[0]!.pings);
  t.same(first.slice(0, 3), ['often fail', 'rare ok', 'ok 502'], 'its own oks made room');

  tocsin.ping('other', '1h', { status: 'fail', message: 'other fail' });
  away = false;
  await clock.advance(60_000);
  const arrived = messages(calls.slice(1).flatMap(({ pings }) => pings));
  t.equal(arrived.length, 1_000);
  t.same(arrived.slice(0, 2), ['often fail', 'ok 502'], 'with none of its own, the oldest ok; a fail stays');
  t.same(arrived.slice(-2), ['ok 1499', 'other fail']);
  t.same(tocsin.stats(), { queued: 0, delivered: 1_000, rejected: 0, dropped: 503 });
});

t.test('a beat older than 24 h is given up', async (t) => {
  const { clock, calls, log, tocsin } = setUp(() => status(503), { random: () => 1 });
  tocsin.ping('old', '1h');
  await clock.advance(60_000);
  clock.stall(DAY_MS - 120_000);
  tocsin.ping('new', '1h');
  const flushed = tocsin.flush({ timeoutMs: 300_000 });
  await clock.advance(300_000);
  t.equal(await flushed, false);
  t.match(log.errors.at(-1), { kind: 'expired', dropped: 1 });
  t.same(names(calls.at(-1)!.pings), ['new']);
  t.same(tocsin.stats(), { queued: 1, delivered: 0, rejected: 0, dropped: 1 });
});

t.test('flush', async (t) => {
  let away = true;
  const { clock, calls, tocsin } = setUp((pings) => (away ? status(503) : fine(pings)), { random: () => 1 });
  t.equal(await tocsin.flush(), true, 'nothing waits');
  tocsin.ping('job', '1h');
  const first = tocsin.flush({ timeoutMs: 5_000 });
  await clock.advance(4_999);
  t.same(gaps(calls), [2_000]);
  await clock.advance(1);
  t.equal(await first, false, 'its time is over');
  t.equal(tocsin.stats().queued, 1, 'and nothing is lost by it');

  away = false;
  const second = tocsin.flush();
  await clock.advance(0);
  t.equal(await second, true, 'it does not wait for the back-off');
  t.same(tocsin.stats(), { queued: 0, delivered: 1, rejected: 0, dropped: 0 });

  tocsin.ping('job', '1h');
  const both = [tocsin.flush(), tocsin.flush({ timeoutMs: Number.NaN })];
  await clock.advance(0);
  t.same(await Promise.all(both), [true, true]);
  away = true;
  tocsin.ping('job', '1h');
  const none = tocsin.flush({ timeoutMs: 0 });
  await clock.advance(0);
  t.equal(await none, false);
  const byDefault = tocsin.flush();
  await clock.advance(9_999);
  const state = await Promise.race([byDefault, Promise.resolve('waiting')]);
  t.equal(state, 'waiting', '10 s unless told otherwise');
  await clock.advance(1);
  t.equal(await byDefault, false);
});

t.test('flush is true for beats that were refused for good: the server has answered', async (t) => {
  const { clock, tocsin } = setUp((pings) => items(pings, () => 'invalid_argument'));
  tocsin.ping('job', '1h');
  const flushed = tocsin.flush();
  await clock.advance(0);
  t.equal(await flushed, true);
  t.equal(tocsin.stats().rejected, 1);
});

t.test('flush is false when a beat had to make room meanwhile', async (t) => {
  let away = true;
  const { clock, tocsin } = setUp((pings) => (away ? status(503) : fine(pings)));
  tocsin.ping('job', '1h');
  await clock.advance(0);
  away = false;
  const flushed = tocsin.flush();
  for (let index = 0; index < 1_000; index++) tocsin.ping('job', '1h');
  await clock.advance(0);
  t.equal(await flushed, false);
});

t.test('a fetch that heeds no signal is left behind after 10 s', async (t) => {
  let calls = 0;
  const fetch: FetchLike = () => {
    calls += 1;
    return new Promise(() => {});
  };
  const { clock, log, tocsin } = setUp(fine, { fetch });
  tocsin.ping('job', '1h');
  await clock.advance(9_999);
  t.equal(log.errors.length, 0);
  await clock.advance(1);
  t.match(log.errors, [{ kind: 'unavailable', message: /no answer within 10 s/ }]);
  await clock.advance(1_000);
  t.equal(calls, 2);
});

t.test('without onError: mistakes in the set-up are warned of once, an absent server is not', async (t) => {
  const warnings = t.capture(console, 'warn', () => {});
  let code = 503;
  const { clock, tocsin } = setUp(() => status(code), { onError: undefined });
  tocsin.ping('job', '1h');
  await clock.advance(10_000);
  code = 401;
  await clock.advance(120_000);
  code = 403;
  await clock.advance(120_000);
  t.same(
    warnings().map(({ args }) => args),
    [['tocsin: http://127.0.0.1:4000/tocsin.v1.HeartbeatService/PingBatch: HTTP 401']],
  );
});
