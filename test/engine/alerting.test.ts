import t from 'tap';
import { alertRules } from '../support/alert-rules.ts';
import { beatOf, hourMs, minuteMs, tenMs } from './cast.ts';
import { EngineUnderTest } from './engine-under-test.ts';

const everything = { tags: [], namePattern: '', severities: [] };
const day = 24 * hourMs;
const silence = { id: 's', match: everything, fromMs: 0, untilMs: tenMs + 48 * hourMs };

const told = (under: EngineUnderTest): string[] =>
  under.store.commits
    .flat()
    .flatMap(({ deliveries }) => deliveries.map(({ channel, notice }) => `${channel} ${notice.type}`));

const fail = (under: EngineUnderTest, name = 'backup') =>
  under.engine.beat(beatOf({ name, status: 'fail', frequencyMs: day, receivedMs: under.clock.wallMs() }));

t.test('rules that change reach what is down, also across many pages, and while the store fails', async (t) => {
  const under = await EngineUnderTest.start(t);
  under.rules = alertRules({ silences: [silence] });
  for (let n = 0; n < 30; n++) await fail(under, `m${n}`);
  await under.clock.advance(minuteMs);
  t.same(told(under), []);
  const { find } = under.store;
  let failures = 3;
  let finds = 0;
  under.store.find = (query) => {
    finds += 1;
    return failures-- > 0 ? Promise.reject(new Error('not now')) : find.call(under.store, query);
  };
  under.rules = alertRules();
  for (let n = 0; n < 100; n++) under.engine.lookAgain();
  // Readers are threads: they take their own time.
  for (let n = 0; n < 600 && told(under).length < 30; n++) {
    await under.clock.advance(1_000);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  t.same(told(under), Array(30).fill('default down'));
  t.ok(finds < 15, `${finds} rounds for 100 requests`);
});

t.test('rules that change while a batch is committed', async (t) => {
  const under = await EngineUnderTest.start(t);
  under.rules = alertRules({ silences: [silence] });
  under.store.beforeCommit = (changes) => {
    if (!changes.some(({ incidents }) => incidents.length > 0)) return;
    under.store.beforeCommit = () => {};
    // Whoever looks at what is down now does not find it yet.
    under.rules = alertRules();
  };
  await fail(under);
  await under.clock.advance(minuteMs);
  t.same(told(under), ['default down'], 'it is not left to the end of a silence that is no more');
});

t.test('a monitor that flaps and is held neither spins nor is told of', async (t) => {
  const under = await EngineUnderTest.start(t);
  under.rules = alertRules({ flapDowns: 3, reminderMs: 10 * minuteMs });
  const ok = (name: string) => under.engine.beat(beatOf({ name, frequencyMs: day, receivedMs: under.clock.wallMs() }));
  await ok('db');
  void under.engine.configure({
    name: 'backup',
    mode: 'upsert',
    patch: { frequencyMs: day, dependsOn: ['db'] },
    etag: null,
  });
  for (let n = 0; n < 3; n++) {
    await ok('backup');
    await under.clock.advance(minuteMs);
    await fail(under);
    await under.clock.advance(minuteMs);
  }
  await ok('backup');
  await fail(under, 'db');
  await fail(under);
  const before = told(under).length;
  await under.clock.advance(20 * minuteMs);
  t.same(told(under).slice(before), ['default down'], 'a reminder of db');
  await ok('backup');
  let loads = 0;
  const { load } = under.store;
  under.store.load = (keys) => {
    loads += 1;
    return load.call(under.store, keys);
  };
  await under.clock.advance(14 * minuteMs);
  t.ok(loads < 20, `${loads} looks in 14 minutes at one that is up`);
  await under.clock.advance(2 * minuteMs);
  t.equal(told(under).at(-1), 'default up', 'steady, and said so');
});

t.test('an alert is acknowledged by its monitor or its incident', async (t) => {
  const under = await EngineUnderTest.start(t, { alertRepeatMs: minuteMs });
  await fail(under);
  const by = { by: 'me', note: '' };
  const { id } = (await under.monitor())!.incident!;
  t.match(await under.engine.acknowledge({ incidentId: 'none' }, by), { ok: false, refusal: { field: 'incident_id' } });
  t.match(await under.engine.acknowledge({ incidentId: id }, by), { ok: true });
  await under.clock.advance(hourMs);
  await under.restart(minuteMs);
  await under.clock.advance(hourMs);
  t.same(told(under), []);
  t.match(await under.engine.acknowledge({ name: 'backup' }, null), { ok: true });
  await under.clock.advance(2 * minuteMs);
  t.ok(told(under).length > 0);
});
