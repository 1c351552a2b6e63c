import t from 'tap';
import type { Outcome } from '../../server/engine/command.ts';
import type { Change } from '../../server/store/store.ts';
import { settle } from '../support/fake-clock.ts';
import { minuteMs, secondMs, tenMs } from './cast.ts';
import { EngineUnderTest } from './engine-under-test.ts';

const at = (seconds: number) => tenMs + seconds * secondMs;
const unavailable = { ok: false, refusal: { code: 'unavailable', field: '' } };

t.test('a store that is away: refused, then blind, then everything as promised', async (t) => {
  const under = await EngineUnderTest.start(t);
  await under.send({ frequencyMs: 10 * secondMs });
  await under.send({ name: 'never again', frequencyMs: 10 * secondMs });
  await under.send({ name: 'much later', frequencyMs: 10 * minuteMs });
  await under.clock.advance(5_500);
  under.store.failing = new Set(['commit', 'stamp', 'trim', 'shift']);
  await under.clock.advance(4_000);
  const before = await under.monitor();
  const refused = await under.send({ frequencyMs: 10 * secondMs });
  t.match(refused, { ...unavailable, refusal: { message: /disk is full; nothing changed, try again/ } });
  t.match(await under.engine.remove('much later'), unavailable);
  t.match(under.engine.health(), { storeError: /no room/, queued: 0 });
  await under.clock.advance(20_000);
  t.same([under.said(), under.incidents()], [[], []], 'nothing is judged meanwhile');
  t.same(await under.monitor(), before, 'nothing changed');

  under.store.failing.clear();
  await under.clock.advance(1_500);
  const [blind, ...more] = await under.store.blindIntervals(0);
  t.same(more, []);
  t.ok(blind!.fromMs >= at(4) && blind!.fromMs <= at(5) && blind!.toMs >= at(29) && blind!.toMs <= at(31));
  t.match(await under.monitor(), { hold: { untilMs: blind!.toMs + 10 * secondMs } });
  t.match(await under.send({ frequencyMs: minuteMs }), { ok: true, monitor: { status: 'up' } });
  await under.clock.advance(12_000);
  t.match(under.said(), [/^down never again@(39|40|41) blind$/]);
  await under.clock.advance(10 * minuteMs);
  t.same(
    under
      .said()
      .slice(1)
      .map((said) => said.split('@')[0]),
    ['down backup', 'down much later'],
  );
  t.match(under.notices().slice(1), [{ blind: null }, { blind: null }]);
  t.equal(under.engine.health().storeError, '');
  t.equal(under.warnings.filter((text) => text === 'the store failed').length, 1, 'said once');
});

t.test('only commits fail, stamps work: a refused beat is blind time, however short', async (t) => {
  const under = await EngineUnderTest.start(t);
  await under.send({ frequencyMs: 10 * secondMs });
  await under.clock.advance(9_700);
  under.store.failing.add('commit');
  t.match(await under.send({ frequencyMs: 10 * secondMs }), unavailable);
  under.store.failing.clear();
  await under.clock.advance(500);
  t.same(under.said(), [], 'the client may not have heard of a second chance yet');
  t.match(await under.monitor(), { hold: { blind: { fromMs: at(9) } } });
  await under.clock.advance(9_300);
  t.same(under.said(), []);
  await under.clock.advance(secondMs);
  t.match(under.said(), [/^down backup@(19|20) blind/]);
});

t.test('a beat that was received before the last stamp and refused after it', async (t) => {
  const under = await EngineUnderTest.start(t);
  await under.send({ frequencyMs: 10 * secondMs });
  await under.clock.advance(9_500);
  const receivedMs = under.clock.wallMs();
  under.clock.stall(1_000);
  under.store.failing.add('commit');
  t.match(await under.send({ frequencyMs: 10 * secondMs, receivedMs }), unavailable);
  t.equal(await under.store.lastListening(), at(10) + 500, 'stamped past the deadline, then refused');
  under.store.failing.clear();
  await under.clock.advance(2_000);
  t.same(under.said(), []);
  t.match(await under.monitor(), { status: 'up', hold: { blind: { fromMs: receivedMs } } });
});

t.test('refused while the stamp is being written, in the turn that would judge', async (t) => {
  const under = await EngineUnderTest.start(t, { limits: { queueMax: 1 } });
  await under.send({ frequencyMs: 10 * secondMs });
  await under.clock.advance(9_900);
  const receivedMs = under.clock.wallMs();
  under.clock.stall(600);
  const outcomes: Promise<Outcome>[] = [];
  under.store.beforeStamp = async () => {
    under.store.beforeStamp = () => {};
    outcomes.push(under.send({ name: 'fills the queue' }), under.send({ frequencyMs: 10 * secondMs, receivedMs }));
    await settle(1);
  };
  await under.clock.advance(0);
  t.match(await Promise.all(outcomes), [{ ok: true }, { refusal: { code: 'resource_exhausted' } }]);
  await under.clock.advance(2 * secondMs);
  t.same(under.said(), []);
  t.match(await under.monitor(), { hold: { blind: {} } });
});

t.test('the queue has a bound; what is refused there is blind time too', async (t) => {
  const under = await EngineUnderTest.start(t, { limits: { queueMax: 10 } });
  await under.send({ frequencyMs: 10 * secondMs });
  await under.clock.advance(9_500);
  const outcomes = await Promise.all(Array.from({ length: 15 }, (_, index) => under.send({ name: `m-${index}` })));
  t.equal(outcomes.filter(({ ok }) => ok).length, 10);
  t.match(outcomes[14], { ok: false, refusal: { code: 'resource_exhausted', message: /waiting/ } });
  await under.clock.advance(600);
  t.same(under.said(), []);
  t.match(await under.monitor(), { status: 'up', hold: { blind: { toMs: at(9) + 500 } } });
});

t.test('a long time of refusals is one blind interval, in memory and in the store', async (t) => {
  const under = await EngineUnderTest.start(t);
  under.store.failing.add('commit');
  for (let second = 0; second < 50; second++) {
    await under.send();
    await under.clock.advance(secondMs);
  }
  const intervals = await under.store.blindIntervals(0);
  t.equal(intervals.length, 1);
  t.ok(intervals[0]!.toMs - intervals[0]!.fromMs >= 48 * secondMs);
  t.equal(under.warnings.filter((text) => text.startsWith('was not listening')).length, 1, 'and one line in the log');
});

t.test('a limit on monitors', async (t) => {
  const under = await EngineUnderTest.start(t, { limits: { monitorsMax: 3 } });
  const outcomes = await Promise.all(['a', 'b', 'c', 'd', 'a'].map((name) => under.send({ name })));
  const exhausted = {
    ok: false,
    refusal: { code: 'resource_exhausted', field: 'name', message: /TOCSIN_MAX_MONITORS/ },
  };
  t.match(outcomes, [{ ok: true }, { ok: true }, { ok: true }, exhausted, { ok: true }]);
  t.match(await under.send({ name: 'd' }), exhausted);
  const swap = await Promise.all([under.engine.remove('b'), under.send({ name: 'd' }), under.send({ name: 'e' })]);
  t.match(swap, [{ ok: true }, { ok: true }, exhausted], 'a removal makes room at once');
  await under.restart(500);
  t.match(await under.send({ name: 'e' }), exhausted, 'also after a restart');
  t.equal(under.engine.health().monitors, 3);
  t.same(await under.store.blindIntervals(0), [], 'others were heard all the time');
});

/** Changes a stored monitor behind the engine's back, as another writer would. */
async function interfere(under: EngineUnderTest, fields: object): Promise<void> {
  const monitor = { ...(await under.monitor())!, ...fields };
  const change: Change = { monitor, remove: false, beats: [], incidents: [], pauses: [], deliveries: [] };
  await under.store.inner.commit([change]);
}

t.test('a conflict is tried again, on the state that is there now, in order', async (t) => {
  const under = await EngineUnderTest.start(t);
  await under.send();
  under.store.beforeCommit = async () => {
    under.store.beforeCommit = () => {};
    await interfere(under, { graceMs: 777, lastBeatMs: at(-30) });
  };
  const sent = ['1', '2', '3', '4'].map((message) => under.send({ status: 'log', message }));
  const other = under.send({ name: 'other', message: '0' });
  t.match(await other, { ok: true });
  const outcomes = await Promise.all(sent);
  t.match(outcomes, Array(4).fill({ ok: true, accepted: 'applied', monitor: { graceMs: 777 } }));
  t.same(
    under.beats().map(({ message }) => message),
    ['', '0', '1', '2', '3', '4'],
  );
});

t.test('conflicts without an end are refused', async (t) => {
  const under = await EngineUnderTest.start(t);
  await under.send();
  let tries = 0;
  under.store.beforeCommit = async () => {
    tries += 1;
    await interfere(under, { graceMs: tries });
  };
  t.match(await under.send({ message: 'x' }), unavailable);
  t.equal(tries, 5);
  t.equal(under.beats().length, 1, 'nothing of it was written');
});

t.test('a silence whose monitor was changed by another is judged anew', async (t) => {
  const under = await EngineUnderTest.start(t);
  await under.send();
  under.store.beforeCommit = async () => {
    under.store.beforeCommit = () => {};
    await interfere(under, { lastBeatMs: at(59), dueMs: at(119), deadlineMs: at(119) });
  };
  await under.clock.advance(62 * secondMs);
  t.same(under.said(), []);
  await under.clock.advance(57_500);
  t.same(under.said(), ['down backup@119']);
});

t.test('waiting deliveries follow a clock that is set back, even if the store cannot at first', async (t) => {
  const under = await EngineUnderTest.start(t);
  await under.send({ status: 'fail' });
  under.store.failing.add('shift');
  under.clock.jumpWall(-10 * minuteMs);
  await under.clock.advance(2 * secondMs);
  t.equal(await under.store.deliveries.nextClaimMs(), tenMs);
  under.store.failing.clear();
  await under.clock.advance(2 * secondMs);
  t.equal(await under.store.deliveries.nextClaimMs(), tenMs - 10 * minuteMs, 'moved once');
});

t.test('stop answers what was received, and says how long it listened', async (t) => {
  const under = await EngineUnderTest.start(t, { limits: { batchMax: 3 } });
  await under.clock.advance(300);
  const waiting = Array.from({ length: 10 }, (_, index) => under.send({ name: `m-${index}` }));
  const stopped = under.engine.stop();
  const late = under.send({ name: 'late' });
  let isStopped = false;
  void under.engine.stop().then(() => {
    isStopped = true;
  });
  t.match(await late, { ...unavailable, refusal: { message: /shutting down/ } });
  t.notOk(isStopped, 'a second call waits as well');
  await stopped;
  t.ok((await Promise.all(waiting)).every(({ ok }) => ok));
  t.equal(under.beats().length, 10);
  t.equal(await under.store.lastListening(), tenMs + 300);
  const commits = under.store.commits.length;
  await under.clock.advance(10 * minuteMs);
  t.equal(under.store.commits.length, commits, 'nothing happens after it');
  t.equal(await under.store.lastListening(), tenMs + 300);
});

t.test('stop right after the start leaves nothing running', async (t) => {
  const under = new EngineUnderTest(t.testdir());
  under.build();
  await under.engine.start();
  await under.engine.stop();
  await under.kill();
  await under.clock.advance(minuteMs);
  t.same(under.warnings, [], 'nothing touches the closed store');
  const other = await new EngineUnderTest(t.testdir());
  other.build();
  await other.engine.start();
  await other.engine.stop();
  let stamps = 0;
  other.store.beforeStamp = () => stamps++;
  await other.clock.advance(minuteMs);
  t.equal(stamps, 0);
  await other.kill();
});

t.test('stop with a store that is away refuses what waits', async (t) => {
  const under = await EngineUnderTest.start(t);
  under.store.failing = new Set(['commit', 'stamp']);
  const waiting = under.send();
  await under.engine.stop();
  t.match(await waiting, unavailable);
});

t.test('history has a bound', async (t) => {
  const under = await EngineUnderTest.start(t, { limits: { historyMax: 300, batchMax: 100 } });
  const flips = async (rounds: number) => {
    for (let round = 0; round < rounds; round++) {
      await under.send({ status: 'fail' });
      await under.send();
    }
  };
  await flips(600);
  const incidents = under.incidents();
  t.ok(incidents.length >= 300 && incidents.length < 300 + 256, `${incidents.length} incidents`);
  t.not(incidents.at(-1)!.endedMs, null);
  under.store.failing.add('trim');
  await flips(100);
  await settle();
  t.match(under.engine.health(), { storeError: 'no room' }, 'a failed trim fails no beat');
});
