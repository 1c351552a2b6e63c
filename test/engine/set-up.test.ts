import t from 'tap';
import type { Configuration } from '../../server/engine/domain/configure.ts';
import { etagOf } from '../../server/engine/domain/monitor-spec.ts';
import { settle } from '../support/fake-clock.ts';
import { hourMs, minuteMs, secondMs, tenMs } from './cast.ts';
import { EngineUnderTest } from './engine-under-test.ts';

/** Monitors that people set up, on the real engine and store, which are killed and started again. */

const plain = { frequencyMs: null, graceMs: null };
const configuration = (name: string, patch: Configuration['patch'], fields: Partial<Configuration> = {}) =>
  ({ name, mode: 'upsert', patch, etag: null, ...fields }) satisfies Configuration;

async function configure(under: EngineUnderTest, ...args: Parameters<typeof configuration>) {
  const outcome = under.engine.configure(configuration(...args));
  await settle();
  return outcome;
}

t.test('made, changed only from what was read, and removed', async (t) => {
  const under = await EngineUnderTest.start(t);
  const made = await configure(under, 'backup', { frequencyMs: hourMs, tags: ['db'] }, { mode: 'create' });
  t.match(made, { ok: true, created: true, monitor: { status: 'new', dueMs: null, graceMs: 6 * minuteMs } });
  const again = await configure(under, 'backup', { frequencyMs: hourMs }, { mode: 'create' });
  t.match(again, { ok: false, refusal: { code: 'already_exists', field: 'name' } });
  const etag = etagOf((await under.monitor())!);
  t.match(await configure(under, 'backup', { tags: ['db'] }), { ok: true, accepted: 'unchanged' });

  // Two people change what both have read.
  const both = [
    under.engine.configure(configuration('backup', { tags: ['a'] }, { etag })),
    under.engine.configure(configuration('backup', { tags: ['b'] }, { etag })),
  ];
  await settle();
  t.match(await Promise.all(both), [
    { ok: true, accepted: 'applied' },
    { ok: false, refusal: { code: 'aborted', field: 'etag' } },
  ]);
  await under.restart(0);
  t.match((await under.monitor())?.config, { origin: 'api', tags: ['a'] });
  const removed = under.engine.remove('backup', { etag });
  await settle();
  t.match(await removed, { ok: false, refusal: { code: 'aborted' } });
  t.match(await configure(under, 'gone', { tags: [] }, { mode: 'update' }), {
    ok: false,
    refusal: { code: 'not_found' },
  });
});

t.test('the limit of a run fires in time, also after a restart', async (t) => {
  const under = await EngineUnderTest.start(t);
  await configure(under, 'backup', { frequencyMs: 24 * hourMs, maxRunMs: 5 * minuteMs });
  await under.send({ ...plain, status: 'start', run: 'a' });
  await under.clock.advance(2 * minuteMs);
  await under.send({ ...plain, status: 'start', run: 'b' });
  await under.restart(1_000);
  await under.clock.advance(3 * minuteMs - 2_000);
  t.same(under.said(), []);
  await under.clock.advance(1_200);
  t.same(under.said(), ['down backup@300']);
  t.match(under.incidents(), [{ reason: 'overran', startedMs: tenMs + 5 * minuteMs }]);
  await under.clock.advance(2 * minuteMs);
  t.equal(under.beats().filter(({ status }) => status === 'fail').length, 2, 'the other run is a failure too');
  t.equal(under.incidents().length, 1, 'of the same incident');
});

t.test('a run whose end could have come while the server was off gets its time', async (t) => {
  const under = await EngineUnderTest.start(t);
  await configure(under, 'backup', { frequencyMs: 24 * hourMs, maxRunMs: 5 * minuteMs });
  await under.send({ ...plain, status: 'start' });
  await under.clock.advance(4 * minuteMs);
  await under.restart(2 * minuteMs);
  await under.clock.advance(5 * minuteMs - 1_000);
  t.same(under.said(), []);
  await under.clock.advance(2_000);
  t.same(under.said(), ['down backup@660 blind'], 'and the alert says why it came late');
});

t.test('a pause ends by itself, also while the server is off', async (t) => {
  const under = await EngineUnderTest.start(t);
  await under.send({ frequencyMs: minuteMs });
  void under.engine.pause('backup', { untilMs: tenMs + 10 * minuteMs, untilPing: false });
  await under.clock.advance(9 * minuteMs);
  t.match(await under.monitor(), { status: 'paused', dueMs: null });
  await under.clock.advance(minuteMs + 100);
  t.match(await under.monitor(), { status: 'new', dueMs: tenMs + 11 * minuteMs });
  void under.engine.pause('backup', { untilMs: tenMs + 20 * minuteMs, untilPing: false });
  await under.clock.advance(minuteMs);
  await under.restart(hourMs);
  await under.clock.advance(1_000);
  t.match(await under.monitor(), { status: 'new', dueMs: tenMs + 21 * minuteMs });
  await under.clock.advance(minuteMs - 2_000);
  t.same(under.said(), []);
  await under.clock.advance(1_100);
  t.equal(under.said().length, 1, 'one period after the server is back');

  void under.engine.pause('backup', { untilMs: null, untilPing: false });
  await under.clock.advance(20 * minuteMs);
  void under.engine.resume('backup');
  await under.clock.advance(minuteMs - 1_000);
  t.match(under.said(), [/^down/, /^closed/]);
  await under.clock.advance(1_100);
  t.equal(under.said().length, 3, 'a period after it was resumed');
});

t.test('a held alert outlives restarts, and is said in the end', async (t) => {
  const under = await EngineUnderTest.start(t);
  await configure(under, 'mail', { frequencyMs: minuteMs, graceMs: 0, dependsOn: ['router'] });
  await under.send({ name: 'router', frequencyMs: 30 * secondMs });
  await under.send({ ...plain, name: 'mail' });
  await under.clock.advance(2 * minuteMs);
  t.same(under.said(), ['down router@30']);
  t.match(under.incidents(), [{ heldBy: '' }, { heldBy: 'router' }]);
  await under.restart(500);
  await under.clock.advance(minuteMs);
  t.same(under.said(), ['down router@30']);
  await under.send({ name: 'router', frequencyMs: 24 * hourMs });
  await under.clock.advance(30 * secondMs);
  await under.restart(500);
  await under.clock.advance(25 * secondMs);
  t.same(under.said(), ['down router@30', 'up router@180']);
  await under.clock.advance(20 * secondMs);
  t.match(under.notices().slice(2), [{ type: 'down', name: 'mail', heldBy: 'router' }]);
  await under.clock.advance(5 * minuteMs);
  t.equal(under.notices().length, 3, 'once');
});

t.test('what is due in the same batch as what it depends on waits for it', async (t) => {
  const under = await EngineUnderTest.start(t);
  // The child has the lower id, and comes first.
  await configure(under, 'child', { frequencyMs: minuteMs, graceMs: 0, dependsOn: ['middle'] });
  await configure(under, 'middle', { frequencyMs: minuteMs, graceMs: 0, dependsOn: ['parent'] });
  await configure(under, 'parent', { frequencyMs: minuteMs, graceMs: 0 });
  await Promise.all(['child', 'middle', 'parent'].map((name) => under.send({ ...plain, name })));
  await under.clock.advance(10 * minuteMs);
  t.same(under.said(), ['down parent@60']);
  const held = under.incidents().map(({ startedMs, heldBy }) => [startedMs, heldBy]);
  t.same(held.sort(), [
    [tenMs + minuteMs, ''],
    [tenMs + minuteMs, 'middle'],
    [tenMs + minuteMs, 'parent'],
  ]);
});

t.test('a change of the schedule moves the wake, sooner and later', async (t) => {
  const under = await EngineUnderTest.start(t);
  await configure(under, 'backup', { frequencyMs: hourMs, graceMs: 0 });
  await under.send(plain);
  await configure(under, 'backup', { frequencyMs: minuteMs });
  await under.clock.advance(minuteMs + 100);
  t.same(under.said(), ['down backup@60']);
  await under.send(plain);
  await configure(under, 'backup', { frequencyMs: hourMs });
  await under.clock.advance(5 * minuteMs);
  t.equal(under.said().length, 2, 'nothing at the old time');
  await configure(under, 'backup', { frequencyMs: minuteMs });
  t.equal((await under.monitor())?.dueMs, under.clock.wallMs() + minuteMs, 'nobody is late by a change alone');
});

t.test('a change does not take back what was missed before it', async (t) => {
  const under = await EngineUnderTest.start(t);
  await under.send({ frequencyMs: minuteMs });
  await under.clock.advance(minuteMs);
  await under.kill();
  await under.clock.advance(500);
  under.build();
  const outcome = under.engine.configure(configuration('backup', { frequencyMs: hourMs }));
  await under.engine.start();
  await settle();
  t.match(await outcome, { ok: true });
  await under.clock.advance(1_000);
  t.match(under.incidents(), [{ reason: 'missed', startedMs: tenMs + minuteMs }]);
});
