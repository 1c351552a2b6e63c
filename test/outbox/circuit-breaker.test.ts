import fc from 'fast-check';
import t from 'tap';
import type { Verdict } from '../../server/notify/notifier.ts';
import {
  afterAttempt,
  type Circuit,
  closedCircuit,
  pausedUntilMs,
  roomFor,
} from '../../server/outbox/circuit-breaker.ts';

const ok: Verdict = { kind: 'ok', detail: '' };
const failed: Verdict = { kind: 'retryable', reason: 'network', detail: 'connection refused' };
const gone: Verdict = { kind: 'permanent', reason: 'http_status', detail: 'HTTP 410' };
const aborted: Verdict = { kind: 'retryable', reason: 'aborted', detail: 'cut off' };
const limited = (retryAfterMs: number): Verdict => ({ ...failed, reason: 'http_status', retryAfterMs });

function after(circuit: Circuit, ids: string[], verdict: Verdict, { nowMs = 0, random = 0 } = {}): Circuit {
  return ids.reduce((before, id) => afterAttempt(before, { id, verdict, nowMs, random }), circuit);
}
const room = (circuit: Circuit, nowMs: number, underWay = 0): number =>
  roomFor(circuit, { nowMs, concurrency: 8, underWay });
const five = ['a', 'b', 'c', 'd', 'e'];

t.test('it opens when five different deliveries have failed in a row', async (t) => {
  const four = after(closedCircuit, five.slice(0, 4), failed);
  t.equal(room(four, 0), 8);
  t.equal(
    room(after(four, ['a', 'b', 'c', 'a', 'a', 'a'], failed), 0),
    8,
    'one that fails again and again is none more',
  );
  const open = after(four, ['e'], failed);
  t.equal(room(open, 0), 0);
  t.equal(pausedUntilMs(open, 0), 30_000);
  const between = after(after(after(closedCircuit, five.slice(0, 4), failed), ['x'], ok), ['e'], failed);
  t.equal(room(between, 0), 8, 'a success between begins the count anew');
});

t.test('then there is one attempt at a time, after pauses that grow to five minutes', async (t) => {
  for (const random of [0, 1 - 2 ** -53]) {
    let circuit = after(closedCircuit, five, failed, { random });
    let nowMs = 0;
    const pauses: number[] = [];
    for (let n = 0; n < 7; n++) {
      const untilMs = pausedUntilMs(circuit, nowMs)!;
      pauses.push(untilMs - nowMs);
      t.equal(room(circuit, untilMs - 1), 0);
      t.equal(room(circuit, untilMs), 1);
      t.equal(room(circuit, untilMs, 1), 0, 'one at a time');
      nowMs = untilMs;
      circuit = after(circuit, [`probe ${n}`], failed, { nowMs, random });
    }
    const most = [30_000, 60_000, 120_000, 240_000, 300_000, 300_000, 300_000];
    t.same(pauses, random === 0 ? most : most.map((ms) => 0.8 * ms));
    t.equal(room(after(circuit, ['probe'], ok, { nowMs }), nowMs, 3), 5, 'the first success closes it');
  }
});

t.test('what was under way when it opened does not make the pause longer', async (t) => {
  const open = after(closedCircuit, five, failed);
  t.equal(pausedUntilMs(after(open, ['f', 'g', 'h'], failed, { nowMs: 10_000 }), 10_000), 30_000);
});

t.test('a receiver that wants no more, and what we cut off, say nothing about the channel', async (t) => {
  const four = after(closedCircuit, five.slice(0, 4), failed);
  for (const verdict of [gone, aborted]) {
    t.equal(room(after(closedCircuit, [...five, ...five], verdict), 0), 8);
    t.equal(room(after(four, ['x', 'y'], verdict), 0), 8);
    const open = after(four, ['e'], failed);
    t.equal(room(after(open, ['probe'], verdict, { nowMs: 30_000 }), 30_000), 1, 'then the next may try');
  }
});

t.test('Retry-After holds back the whole channel, an hour at most', async (t) => {
  const held = after(closedCircuit, ['a'], limited(20_000));
  t.equal(room(held, 19_999), 0);
  t.equal(room(held, 20_000), 1, 'then one tries first');
  t.equal(room(after(held, ['b'], ok, { nowMs: 20_000 }), 20_000), 8);
  t.equal(room(after(held, ['b'], ok, { nowMs: 5_000 }), 5_000), 0, 'although another one was still taken');
  t.equal(pausedUntilMs(after(held, ['b'], limited(1_000)), 0), 20_000, 'the longest counts');
  t.equal(pausedUntilMs(after(closedCircuit, ['a'], limited(86_400_000)), 0), 3_600_000);
  const busy = after(closedCircuit, [...five, 'f', 'g'], limited(1_000));
  t.equal(pausedUntilMs(busy, 0), 1_000, 'no more than it asked for');
});

t.test('how long it has been failing', async (t) => {
  const failing = after(after(closedCircuit, ['a'], failed, { nowMs: 7 }), ['b'], limited(5), { nowMs: 9 });
  t.equal(failing.failingSinceMs, 7);
  t.equal(after(failing, ['c'], gone).failingSinceMs, 7);
  t.equal(after(failing, ['c'], ok).failingSinceMs, null);
  t.equal(after(closedCircuit, ['c'], aborted).failingSinceMs, null);
});

t.test('whatever happens, it is never closed to all for more than an hour, and a success opens it', async (t) => {
  const verdicts = fc.oneof(
    fc.constantFrom(ok, failed, failed, gone, aborted),
    fc.integer({ min: 0, max: 10_000_000 }).map(limited),
  );
  const steps = fc.array(fc.tuple(verdicts, fc.integer({ min: 0, max: 400_000 }), fc.integer({ min: 0, max: 9 })), {
    maxLength: 60,
  });
  let opened = 0;
  fc.assert(
    fc.property(steps, fc.double({ min: 0, max: 0.999, noNaN: true }), (story, random) => {
      let circuit = closedCircuit;
      let nowMs = 0;
      for (const [verdict, laterMs, id] of story) {
        nowMs += laterMs;
        circuit = afterAttempt(circuit, { id: `${id}`, verdict, nowMs, random });
        const untilMs = pausedUntilMs(circuit, nowMs) ?? nowMs;
        opened += Number(untilMs > nowMs);
        if (untilMs - nowMs > 3_600_000) return false;
        if (roomFor(circuit, { nowMs: untilMs, concurrency: 4, underWay: 0 }) < 1) return false;
        if (circuit.failed.length > 5) return false;
        if (verdict.kind === 'ok' && roomFor(circuit, { nowMs: untilMs, concurrency: 4, underWay: 0 }) !== 4)
          return false;
      }
      return true;
    }),
  );
  t.ok(opened > 100, `it was closed to all ${opened} times`);
});
