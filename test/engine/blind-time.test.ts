import t from 'tap';
import { retry } from '../support/settlements.ts';
import { minuteMs, secondMs, tenMs } from './cast.ts';
import { EngineUnderTest } from './engine-under-test.ts';

const at = (seconds: number) => tenMs + seconds * secondMs;

t.test('a short restart is no blind time', async (t) => {
  const under = await EngineUnderTest.start(t);
  await under.send();
  await under.clock.advance(59 * secondMs);
  await under.restart(900);
  t.same(await under.store.blindIntervals(0), []);
  await under.clock.advance(secondMs);
  t.same(under.said(), ['down backup@60']);
  t.match(under.incidents(), [{ startedMs: at(60) }], 'dated at its deadline');
});

t.test('a deadline that was met awake is not excused by a later restart', async (t) => {
  const under = await EngineUnderTest.start(t);
  await under.send({ graceMs: 500 });
  await under.clock.advance(60 * secondMs + 495);
  await under.kill();
  under.clock.stall(1_400);
  await under.start();
  await under.clock.advance(20);
  t.match(under.incidents(), [{ startedMs: at(60) + 500 }], 'at once');
});

t.test('a long restart holds the alert for a period, and then it explains itself', async (t) => {
  const under = await EngineUnderTest.start(t);
  await under.send();
  await under.send({ name: 'unaffected', frequencyMs: 10 * minuteMs });
  await under.clock.advance(57 * secondMs);
  await under.restart(33 * secondMs);
  await under.clock.advance(20);
  const [blind] = await under.store.blindIntervals(0);
  t.ok(blind!.fromMs > at(55) && blind!.fromMs <= at(57), 'since the last stamp');
  t.equal(blind!.toMs, at(90));
  t.match(await under.monitor(), { status: 'up', hold: { untilMs: at(150), blind } }, 'held');
  await under.clock.advance(59_900);
  t.same(under.said(), []);
  await under.clock.advance(200);
  t.same(under.said(), ['down backup@150 blind']);
  t.match(under.notices()[0], { blind, downSinceMs: at(150), deadlineMs: at(60) });
  t.equal((await under.monitor('unaffected'))?.hold, null);
  await under.clock.advance(10 * minuteMs);
  t.match(under.said()[1], /^down unaffected@600$/);
});

t.test('no alert when the ping comes after a long restart', async (t) => {
  const under = await EngineUnderTest.start(t);
  await under.send();
  await under.clock.advance(50 * secondMs);
  await under.restart(5 * minuteMs);
  await under.clock.advance(30 * secondMs);
  t.match(await under.send(), { monitor: { status: 'up', hold: null } });
  await under.clock.advance(59 * secondMs);
  t.same([under.said(), under.incidents()], [[], []]);
  await under.clock.advance(1_500);
  t.same(under.said(), ['down backup@440'], 'the next deadline counts again');
});

t.test('the hold is as long as the setting allows', async (t) => {
  const under = await EngineUnderTest.start(t, { blindHoldMaxMs: 5 * secondMs });
  await under.send();
  await under.restart(2 * minuteMs);
  await under.clock.advance(4_900);
  t.same(under.said(), []);
  await under.clock.advance(200);
  t.same(under.said(), ['down backup@125 blind']);
});

t.test('a server that restarts in a loop does not put the alert off for ever', async (t) => {
  const under = await EngineUnderTest.start(t);
  await under.send();
  await under.clock.advance(58 * secondMs);
  for (let restart = 0; restart < 20; restart++) {
    await under.restart(5 * secondMs);
    await under.clock.advance(3 * secondMs);
  }
  t.equal(under.said().length, 1);
  t.match(under.notices()[0], { blind: { toMs: at(63) }, downSinceMs: at(123) });
});

t.test('the wall clock jumps forward, as after a suspend: blind', async (t) => {
  const under = await EngineUnderTest.start(t);
  await under.send();
  await under.send({ name: 'long', frequencyMs: 60 * minuteMs });
  await under.clock.advance(10_500);
  under.clock.suspend(30 * minuteMs);
  await under.clock.advance(secondMs);
  t.same(under.said(), [], 'nothing is judged over the time slept');
  t.match(await under.monitor(), { hold: { untilMs: at(30 * 60 + 71), blind: { fromMs: at(10) } } });
  await under.clock.advance(58 * secondMs);
  t.same(under.said(), []);
  await under.clock.advance(2 * secondMs);
  t.same(under.said(), ['down backup@1871 blind']);
  await under.clock.advance(at(3_600) + 100 - under.clock.wallMs());
  t.same(under.said()[1], 'down long@3600', 'the wheel follows the wall clock');
});

t.test('the wall clock jumps back: nothing early, nothing lost, no busy loop', async (t) => {
  const under = await EngineUnderTest.start(t);
  await under.send({ frequencyMs: 10 * secondMs });
  await under.send({ name: 'fails', status: 'fail' });
  const [failed] = await under.store.deliveries.claim({ nowMs: under.clock.wallMs(), limit: 1, leaseMs: 1 });
  await under.store.deliveries.settle([retry(failed!.seq, at(20), 'x')]);
  await under.clock.advance(5_000);
  under.clock.jumpWall(-minuteMs);
  let loads = 0;
  const load = under.store.inner.load.bind(under.store.inner);
  under.store.inner.load = (keys) => {
    loads += 1;
    return load(keys);
  };
  await under.clock.advance(secondMs);
  t.equal(await under.store.deliveries.nextClaimMs(), at(20) - minuteMs, 'an attempt due in 15 s stays due in 15 s');
  t.equal(await under.store.lastListening(), at(6) - minuteMs);
  await under.clock.advance(63 * secondMs);
  t.same(under.said(), ['down fails@0'], 'deadlines are wall time');
  t.ok(loads < 10, `${loads} looks`);
  await under.clock.advance(1_100);
  t.same(under.said().slice(1), ['down backup@10']);
  t.match(under.notices()[1], { blind: null });

  under.clock.jumpWall(-60 * minuteMs);
  await under.clock.advance(100);
  t.match(await under.send({ frequencyMs: 10 * secondMs }), { ok: true, monitor: { status: 'up' } });
  await under.clock.advance(10 * secondMs + 100);
  t.equal((await under.monitor())?.status, 'down', 'unstamped beats count from the new time at once');
});

t.test('the wall clock was set back while the server was off', async (t) => {
  const under = await EngineUnderTest.start(t);
  await under.send({ status: 'fail' });
  await under.send({ status: 'ok' });
  await under.kill();
  under.clock.jumpWall(-60 * minuteMs);
  await under.start();
  t.equal(await under.store.deliveries.nextClaimMs(), tenMs - 60 * minuteMs);
  t.same(await under.store.blindIntervals(0), []);
});

t.test('a stalled loop is blind; what was waiting in the sockets is heard first', async (t) => {
  const under = await EngineUnderTest.start(t);
  await under.send({ frequencyMs: 10 * secondMs });
  await under.send({ name: 'waits', frequencyMs: 10 * secondMs });
  await under.clock.advance(8 * secondMs);
  under.clock.stall(5 * secondMs);
  await under.clock.advance(100);
  t.same(under.said(), []);
  t.match(await under.send({ name: 'waits' }), { monitor: { status: 'up' } });
  t.match(await under.monitor(), { hold: { untilMs: at(23), blind: { toMs: at(13) } } });
  await under.clock.advance(10 * secondMs + 50);
  t.same(under.said(), ['down backup@23 blind']);
  t.match(under.warnings, [/not listening/]);
});

t.test('a turn that is stalled by its own stamp does not judge the time that it slept through', async (t) => {
  const under = await EngineUnderTest.start(t);
  await under.send({ frequencyMs: 10 * secondMs });
  await under.clock.advance(8_500);
  under.store.beforeStamp = () => {
    under.store.beforeStamp = () => {};
    under.clock.stall(4 * secondMs);
  };
  await under.clock.advance(700);
  t.same(under.said(), [], 'beats of that time may still be in the sockets');
  await under.clock.advance(2 * secondMs);
  t.match(await under.monitor(), { status: 'up', hold: { blind: { fromMs: at(9) } } });
});

t.test('a beat that waits is not overtaken by its deadline', async (t) => {
  const under = await EngineUnderTest.start(t, { limits: { batchMax: 5 } });
  await under.send({ frequencyMs: 10 * secondMs });
  await under.clock.advance(9_990);
  const before = Array.from({ length: 20 }, (_, index) => under.send({ name: `m-${index}` }));
  const inTime = under.send({ frequencyMs: 10 * secondMs });
  const after = under.send({ name: 'last', frequencyMs: 10 * secondMs });
  // The deadline passes while the engine works on what came before.
  under.store.beforeCommit = () => {
    under.store.beforeCommit = () => {};
    under.clock.stall(500);
  };
  await under.clock.advance(secondMs);
  t.match(await Promise.all([...before, inTime, after]).then((all) => all.at(-2)), { monitor: { status: 'up' } });
  t.same([under.said(), under.incidents()], [[], []]);
});

t.test('what was received early but handed in late holds judgement back too', async (t) => {
  const under = await EngineUnderTest.start(t, { limits: { batchMax: 1 } });
  await under.send({ frequencyMs: 10 * secondMs });
  await under.clock.advance(9_999);
  const receivedMs = under.clock.wallMs();
  under.clock.stall(300);
  const others = [1, 2, 3].map((n) => under.send({ name: `m-${n}` }));
  const inTime = under.send({ frequencyMs: 10 * secondMs, receivedMs });
  await under.clock.advance(secondMs);
  t.match((await Promise.all([...others, inTime])).at(-1), { monitor: { status: 'up', lastBeatMs: receivedMs } });
  t.same(under.incidents(), []);
});

t.test('a start that fails, or never comes, does not claim to have listened', async (t) => {
  const under = await EngineUnderTest.start(t);
  await under.send();
  await under.clock.advance(50 * secondMs);
  await under.kill();
  await under.clock.advance(5 * minuteMs);
  under.build();
  const early = under.send({ name: 'early' });
  await under.clock.advance(secondMs);
  await under.engine.stop();
  t.match(await early, { ok: false, refusal: { code: 'unavailable' } });
  t.equal(await under.store.lastListening(), at(50), 'the record of the last run stands');
  await under.kill();
  await under.clock.advance(secondMs);
  await under.start();
  await under.clock.advance(20);
  t.match(await under.monitor(), { hold: { blind: { fromMs: at(50), toMs: at(50 + 302) } } });
});

t.test('beats that come before the start wait for it', async (t) => {
  const under = new EngineUnderTest(t.testdir());
  t.teardown(() => under.kill());
  under.build();
  const early = under.send();
  await under.clock.advance(secondMs);
  t.same(under.store.commits, []);
  await under.engine.start();
  t.match(await early, { ok: true, atMs: tenMs });
});
