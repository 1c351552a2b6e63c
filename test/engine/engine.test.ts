import t from 'tap';
import type { Outcome } from '../../server/engine/command.ts';
import { settle } from '../support/fake-clock.ts';
import { sent } from '../support/settlements.ts';
import { beatOf, minuteMs, secondMs, tenMs } from './cast.ts';
import { EngineUnderTest } from './engine-under-test.ts';

/** How late an alert may be on an idle engine: a tick of the wheel and the timer. */
const lateMaxMs = 100;
const hour = 60 * minuteMs;
const day = 24 * hour;

t.test('the beats of one turn are one transaction, answered after it', async (t) => {
  const under = await EngineUnderTest.start(t);
  const { store } = under;
  let committed = false;
  let answeredEarly = false;
  store.beforeCommit = async () => {
    await settle(1);
    committed = true;
  };
  const outcomes = await Promise.all(
    Array.from({ length: 50 }, async (_, index) => {
      const outcome = await under.send({ name: `m-${index}` });
      answeredEarly ||= !committed;
      return outcome;
    }),
  );
  t.equal(store.commits.length, 1);
  t.equal(store.commits[0]!.length, 50);
  t.notOk(answeredEarly);
  t.ok(outcomes.every(({ ok }) => ok));
  t.match(outcomes[7], { accepted: 'applied', atMs: tenMs, monitor: { name: 'm-7', deadlineMs: tenMs + minuteMs } });
  t.equal(under.beats().length, 50);
  t.match(under.engine.health(), { monitors: 50, armed: 50, queued: 0, storeError: '' });
});

t.test('a long queue goes in several transactions, in order', async (t) => {
  const under = await EngineUnderTest.start(t, { limits: { batchMax: 10 } });
  await Promise.all(Array.from({ length: 25 }, (_, index) => under.send({ message: `${index}` })));
  t.same(
    under.store.commits.map(([change]) => change!.beats.length),
    [10, 10, 5],
  );
  t.same(
    under.beats().map(({ message }) => Number(message)),
    Array.from({ length: 25 }, (_, index) => index),
  );
});

t.test('a list of beats is answered at once, each beat by itself', async (t) => {
  const under = await EngineUnderTest.start(t, { limits: { batchMax: 10, queueMax: 12 } });
  const list = Array.from({ length: 13 }, (_, index) => beatOf({ name: `m-${index % 11}`, message: `${index}` }));
  list[5]!.stampS = tenMs / 1000 + 3600;
  const answers = under.engine.beats(list);
  await settle();
  const outcomes = await answers;
  t.same(
    outcomes.map((outcome) => (outcome.ok ? outcome.monitor.name : outcome.refusal.code)),
    list.map(({ name }, index) => (index === 5 ? 'invalid_argument' : index === 12 ? 'resource_exhausted' : name)),
  );
  t.same(
    under.beats().map(({ message }) => Number(message)),
    [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11],
  );
  t.same(await under.engine.beats([]), []);
});

t.test('a deadline is never early, and late by a tick at most', async (t) => {
  const under = await EngineUnderTest.start(t);
  const frequencies = [1_000, 1_501, 7_777, 59_777, 60_000, 61_234, 1_800_000];
  await Promise.all(
    frequencies.map((frequencyMs) => under.send({ name: `every-${frequencyMs}`, frequencyMs, graceMs: 123 })),
  );
  for (const frequencyMs of frequencies) {
    const deadlineMs = tenMs + frequencyMs + 123;
    await under.clock.advance(deadlineMs - 1 - under.clock.wallMs());
    t.equal((await under.monitor(`every-${frequencyMs}`))?.status, 'up', 'not before');
    await under.clock.advance(lateMaxMs + 1);
    t.match(await under.monitor(`every-${frequencyMs}`), { status: 'down', incident: { startedMs: deadlineMs } });
  }
  t.equal(under.notices().length, frequencies.length);
  for (const notice of under.notices()) {
    t.match(notice, { type: 'down', reason: 'missed', blind: null });
    const lateMs = notice.atMs - notice.deadlineMs!;
    t.ok(lateMs >= 0 && lateMs <= lateMaxMs, `${lateMs} ms late`);
  }
  t.same(under.warnings, []);
});

t.test('a monitor that keeps beating never goes down, and goes down once when it stops', async (t) => {
  const under = await EngineUnderTest.start(t);
  for (let beat = 0; beat < 20; beat++) {
    await under.send({ frequencyMs: 10_000 });
    await under.clock.advance(9_900);
  }
  t.same(under.said(), []);
  await under.clock.advance(5_000);
  t.match(await under.monitor(), { status: 'down' });
  await under.clock.advance(10 * minuteMs);
  t.same(under.said(), ['down backup@198'], 'once');
  const [recovered] = await Promise.all([under.send({ frequencyMs: 10_000 }), under.clock.advance(0)]);
  t.match(recovered, { ok: true, monitor: { status: 'up', incident: null } });
  t.match(under.said().at(-1), /^up backup/);
  t.match(under.incidents(), [{ startedMs: tenMs + 19 * 9_900 + 10_000, endedMs: under.clock.wallMs() }]);
});

t.test('the frequency can change on the fly, either way', async (t) => {
  const under = await EngineUnderTest.start(t);
  await under.send({ frequencyMs: minuteMs });
  await under.clock.advance(30 * secondMs);
  await under.send({ frequencyMs: 10 * minuteMs });
  await under.clock.advance(10 * minuteMs - 1);
  t.same(under.said(), [], 'nothing fires a minute after the first');
  await under.clock.advance(lateMaxMs);
  t.same(under.said(), ['down backup@630']);

  await under.send({ frequencyMs: day });
  await under.clock.advance(secondMs);
  await under.send({ frequencyMs: 5 * secondMs });
  await under.clock.advance(5 * secondMs + lateMaxMs);
  t.equal((await under.monitor())?.status, 'down', 'sooner than it was set to before');
});

t.test('removal', async (t) => {
  const under = await EngineUnderTest.start(t);
  await under.send({ name: 'a', frequencyMs: secondMs });
  await under.send({ name: 'b', frequencyMs: secondMs });
  t.match(await under.engine.remove('a'), { ok: true, accepted: 'applied', monitor: { name: 'a' } });
  t.match(await under.engine.remove('a'), { ok: false, refusal: { code: 'not_found', field: 'name', message: /"a"/ } });
  await under.clock.advance(minuteMs);
  t.same(under.said(), ['down b@1'], 'others are untouched');
  t.match(await under.engine.remove('b'), { ok: true });
  t.match(under.incidents(), [{ endedMs: under.clock.wallMs() }], 'the incident of a removed monitor is closed');
  t.match(under.engine.health(), { monitors: 0, armed: 0 });

  const anew = await under.send({ name: 'a', stampS: tenMs / 1000 - 60, frequencyMs: minuteMs * 10 });
  t.match(
    anew,
    { ok: true, monitor: { status: 'up', lastBeatMs: tenMs - minuteMs } },
    'a ping after removal starts anew',
  );
});

t.test('several events of one monitor in one batch', async (t) => {
  const under = await EngineUnderTest.start(t);
  const remove = () => under.engine.remove('backup');
  const unknown = remove();
  const first = under.send({ message: '1', beatId: 'x' });
  const again = under.send({ message: '1', beatId: 'x' });
  const failed = under.send({ status: 'fail', message: '2' });
  const recovered = under.send({ message: '3', beatId: 'y' });
  const bad = under.send({ stampS: 1 });
  const removed = remove();
  const twice = remove();
  const anew = under.send({ message: '4', beatId: 'x', status: 'start' });
  const all: Outcome[] = await Promise.all([unknown, first, again, failed, recovered, bad, removed, twice, anew]);
  t.equal(under.store.commits.length, 1);
  t.match(all, [
    { refusal: { code: 'not_found' } },
    { accepted: 'applied', monitor: { status: 'up' } },
    { accepted: 'duplicate', atMs: tenMs, monitor: { status: 'up' } },
    { accepted: 'applied', monitor: { status: 'down' } },
    { accepted: 'applied', monitor: { status: 'up' } },
    { refusal: { code: 'invalid_argument', field: 'timestamp' } },
    { accepted: 'applied', monitor: { status: 'up' } },
    { refusal: { code: 'not_found' } },
    { accepted: 'applied', monitor: { status: 'new' } },
  ]);
  t.match(await under.monitor(), { status: 'new', createdMs: tenMs });
  t.match(under.engine.health(), { monitors: 1 });

  const ping = under.send({ message: '5' });
  const gone = remove();
  const back = under.send({ message: '6' });
  const goneAgain = remove();
  const last = under.send({ message: '7' });
  t.ok((await Promise.all([ping, gone, back, goneAgain, last])).every(({ ok }) => ok));
  t.match(under.engine.health(), { monitors: 1, armed: 1 });
  t.equal((await under.monitor())?.createdMs, tenMs);
  const kept = under.beats().map(({ message }) => message);
  t.same(kept, ['4', '5', '7'], 'what existed only within a batch leaves no history');
});

t.test('a beat id is recorded once, in a batch, between batches, and across restarts', async (t) => {
  const under = await EngineUnderTest.start(t);
  const fields = { beatId: 'b-1', stampS: tenMs / 1000 };
  t.match(await Promise.all([under.send(fields), under.send(fields)]), [
    { accepted: 'applied' },
    { accepted: 'duplicate' },
  ]);
  await under.send({ beatId: 'b-2', frequencyMs: 5 * minuteMs });
  const late = await under.send({ beatId: 'b-0', stampS: tenMs / 1000 - 30, status: 'fail' });
  t.match(late, { accepted: 'stale', atMs: tenMs - 30_000, monitor: { status: 'up' } });
  const before = await under.monitor();
  t.match(await under.send(fields), { accepted: 'duplicate', atMs: tenMs, monitor: { frequencyMs: 5 * minuteMs } });
  await under.restart(500);
  t.match(await under.send(fields), { accepted: 'duplicate', atMs: tenMs });
  t.match(await under.send({ beatId: 'b-0', stampS: tenMs / 1000 - 30 }), {
    accepted: 'duplicate',
    atMs: tenMs - 30_000,
  });
  t.same(await under.monitor(), before, 'and changes nothing');
  t.same(
    under.beats().map(({ beatId }) => beatId),
    ['b-1', 'b-2', 'b-0'],
  );
  t.match(await under.send({ ...fields, name: 'other' }), { accepted: 'applied' }, 'of another monitor it is another');
});

t.test('ten thousand due at once: bounded batches, all of them, once each', async (t) => {
  const under = await EngineUnderTest.start(t, { limits: { dueMax: 700, batchMax: 1_000, queueMax: 10_000 } });
  await Promise.all(Array.from({ length: 10_000 }, (_, index) => under.send({ name: `m-${index}` })));
  under.store.commits.length = 0;
  await under.clock.advance(minuteMs + lateMaxMs);
  t.equal(under.notices().length, 10_000);
  t.equal(new Set(under.notices().map(({ name }) => name)).size, 10_000);
  const sizes = under.store.commits.map((changes) => changes.length);
  t.ok(Math.max(...sizes) <= 700, `at most ${Math.max(...sizes)} at once`);
  t.ok(under.notices().every(({ downSinceMs }) => downSinceMs === tenMs + minuteMs));
  t.equal(under.engine.health().armed, 0);
});

t.test('a ping is answered between the batches of a mass outage', async (t) => {
  const under = await EngineUnderTest.start(t, { limits: { dueMax: 100 } });
  await Promise.all(Array.from({ length: 1_000 }, (_, index) => under.send({ name: `m-${index}` })));
  under.clock.stall(minuteMs - 500);
  await under.clock.advance(0);
  let downs = 0;
  under.store.beforeCommit = (changes) => {
    downs += changes.filter(({ incidents }) => incidents.length > 0).length;
    if (downs === 100)
      void under.send({ name: 'ping', frequencyMs: day }).then(() => t.ok(downs <= 200, `after ${downs} downs`));
  };
  await under.clock.advance(hour);
  t.equal(downs, 1_000);
  t.ok(await under.monitor('ping'));
});

t.test('repeats go on across a restart, until the monitor is back', async (t) => {
  const under = await EngineUnderTest.start(t, { alertRepeatMs: 10 * secondMs });
  await under.send({ frequencyMs: 5 * secondMs });
  await under.send({ name: 'ok', frequencyMs: hour });
  await under.clock.advance(26 * secondMs);
  // Nobody takes the deliveries away here, so a repeat that would pile up is dropped; the count goes on all the same.
  t.match(await under.monitor(), { status: 'down', progress: { alert: { open: { told: [{ reminders: 2 }] } } } });
  const claimed = await under.store.deliveries.claim({ nowMs: under.clock.wallMs(), limit: 10, leaseMs: 1 });
  await under.store.deliveries.settle(claimed.map(({ seq }) => sent(seq)));
  await under.restart(secondMs);
  await under.clock.advance(9 * secondMs);
  const { open, nextMs } = (await under.monitor())!.progress.alert!;
  t.equal(open?.told[0]?.reminders, 3);
  t.ok(Math.abs(nextMs! - (tenMs + 45 * secondMs)) < 3 * lateMaxMs, `next in due time: ${nextMs}`);
  t.same(under.said().slice(-1), ['down backup@35 repeat 3']);
  const before = under.said().length;
  await under.send({ frequencyMs: hour });
  await under.clock.advance(30 * secondMs);
  t.same(under.said().slice(before), ['up backup@36']);
  t.equal((await under.monitor())?.progress.alert, null);
});
