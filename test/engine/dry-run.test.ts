import { randomUUID } from 'node:crypto';
import t from 'tap';
import type { Configuration } from '../../server/engine/domain/configure.ts';
import { minuteMs } from './cast.ts';
import { EngineUnderTest } from './engine-under-test.ts';

const one = '0f8fad5b-d9cb-469f-a165-70867728950e';

function set(name: string, patch: Configuration['patch'] = {}): Configuration {
  return { name, mode: 'upsert', patch: { frequencyMs: minuteMs, ...patch }, etag: null };
}

const short = (outcomes: Awaited<ReturnType<EngineUnderTest['send']>>[]) =>
  outcomes.map((outcome) => (outcome.ok ? (outcome.created ? 'created' : outcome.accepted) : outcome.refusal.field));

t.test('each batch sees what the ones before it would have done, and nothing is stored', async (t) => {
  const under = await EngineUnderTest.start(t, { limits: { monitorsMax: 3 }, newId: randomUUID });
  const { engine, store } = under;
  await engine.configure(set('a', { pingId: one }));
  await engine.configure(set('b', { dependsOn: ['a'] }));
  const dry = engine.dryRun();
  t.same(short(await dry.configure([set('a'), set('c', { pingId: one })])), ['unchanged', 'ping_id']);
  t.same(short(await dry.configure([set('a', { dependsOn: ['b'] })])), ['depends_on']);
  t.same(short(await dry.configure([set('b', { dependsOn: [] })])), ['applied']);
  t.same(short(await dry.configure([set('a', { dependsOn: ['b'] })])), ['applied'], 'b no longer leads back');
  t.same(
    short(await dry.configure([set('c', { dependsOn: ['a'] }), set('d')])),
    ['created', 'name'],
    'there is room for one',
  );
  t.same(short(await dry.configure([set('c', { dependsOn: ['a'] })])), ['unchanged']);
  t.same(short(await dry.remove(['a', 'nobody'])), ['applied', 'name']);
  t.same(
    short(await dry.configure([set('d', { pingId: one }), set('e')])),
    ['created', 'name'],
    'its room and id are free',
  );
  t.same(short(await dry.configure([set('b', { dependsOn: ['c'] })])), ['applied'], 'c led to a, which is gone');
  t.same(short(await dry.configure([set('c', { dependsOn: ['b'] })])), ['depends_on']);

  const { monitors } = await store.find({ order: 'name', after: null, limit: 10 });
  t.same(
    monitors.map(({ name, config }) => [name, config.dependsOn]),
    [
      ['a', []],
      ['b', ['a']],
    ],
  );
  t.same(short(await engine.dryRun().configure([set('c')])), ['created'], 'another begins with what is stored');
});

t.test('it needs no engine that has started', async (t) => {
  const under = new EngineUnderTest(t.testdir());
  t.teardown(() => under.kill());
  under.build();
  t.same(short(await under.engine.dryRun().configure([set('a')])), ['created']);
});

t.test('pings have their turn between its batches', async (t) => {
  const under = await EngineUnderTest.start(t);
  const dry = under.engine.dryRun();
  let answered = false;
  const ping = under.send().then(() => {
    answered = true;
  });
  for (let batch = 0; batch < 10; batch++) await dry.configure([set(`m${batch}`)]);
  t.ok(answered, 'before the last');
  await ping;
});
