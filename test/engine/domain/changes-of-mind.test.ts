import t from 'tap';
import { hourMs, minuteMs, secondMs, tenMs } from '../cast.ts';
import { World } from './world.ts';

/** What is changed while something is going on, and two things at a time. */

const plain = { frequencyMs: null, graceMs: null };
const said = ({ notices }: World): string[] => notices.map(({ type, name, repeat }) => `${type} ${name} ${repeat}`);

t.test('the limit of an open run follows what is configured', async (t) => {
  const world = new World();
  world.configure({ frequencyMs: 24 * hourMs, maxRunMs: 10 * minuteMs });
  world.beat({ ...plain, status: 'start' });
  world.pass(tenMs + 5 * minuteMs);
  world.configure({ maxRunMs: 20 * minuteMs });
  t.equal(world.monitor().progress.runs[0]!.limitMs, tenMs + 20 * minuteMs);
  world.configure({ maxRunMs: 2 * minuteMs });
  t.equal(world.monitor().progress.runs[0]!.limitMs, tenMs + 7 * minuteMs, 'past by the new limit: it counts from now');
  world.configure({ maxRunMs: null });
  world.pass(tenMs + 2 * hourMs, minuteMs);
  t.same(said(world), [], 'as long as it likes');
  world.configure({ maxRunMs: 3 * hourMs });
  t.equal(world.monitor().progress.runs[0]!.limitMs, tenMs + 3 * hourMs);
});

t.test('what is not asked for any more is forgotten', async (t) => {
  const world = new World();
  world.configure({ frequencyMs: hourMs, minIntervalMs: minuteMs });
  world.beat(plain);
  t.equal(world.monitor().progress.begunMs, tenMs);
  world.configure({ minIntervalMs: null });
  t.equal(world.monitor().progress.begunMs, null);
});

t.test('a new period counts from the end of a pause, or from the start of a run', async (t) => {
  const world = new World();
  world.configure({ frequencyMs: hourMs, graceMs: 0 });
  world.beat(plain);
  world.pause({ untilMs: tenMs + 30 * minuteMs });
  world.pass(tenMs + 40 * minuteMs, minuteMs);
  world.configure({ frequencyMs: 50 * minuteMs });
  t.equal(world.monitor().dueMs, tenMs + 80 * minuteMs);

  const runs = new World();
  runs.configure({ frequencyMs: hourMs, graceMs: 0, maxRunMs: 30 * minuteMs });
  runs.beat(plain);
  runs.pass(tenMs + 50 * minuteMs, minuteMs);
  runs.beat({ ...plain, status: 'start' });
  runs.configure({ frequencyMs: 55 * minuteMs });
  t.equal(runs.monitor().dueMs, tenMs + 105 * minuteMs);
});

t.test('a first failure below the threshold was heard', async (t) => {
  const world = new World();
  world.configure({ frequencyMs: hourMs, failuresToAlert: 2 });
  world.beat({ ...plain, status: 'fail' });
  t.match(world.monitor(), { status: 'up', dueMs: tenMs + hourMs, progress: { failures: 1 } });
});

t.test('a run that ran into maintenance is excused', async (t) => {
  const world = new World();
  const window = { kind: 'once' as const, fromMs: tenMs + 2 * minuteMs, toMs: tenMs + 4 * minuteMs };
  world.configure({ frequencyMs: hourMs, maxRunMs: 10 * minuteMs, maintenance: [window] });
  world.beat({ ...plain, status: 'start' });
  world.pass(tenMs + 20 * minuteMs);
  t.same([said(world), world.monitor().progress.runs], [[], []], 'and not open any more');
});

t.test('reminders and held alerts wait for the end of maintenance', async (t) => {
  const window = { kind: 'once' as const, fromMs: tenMs + 65 * secondMs, toMs: tenMs + 300 * secondMs };
  const world = new World({ alertRepeatMs: minuteMs });
  world.configure({ frequencyMs: minuteMs, graceMs: 0, maintenance: [window] });
  world.beat(plain);
  world.pass(tenMs + 299 * secondMs);
  t.same(said(world), ['down backup 0'], 'it went down before');
  world.pass(tenMs + 359 * secondMs);
  t.same(said(world), ['down backup 0', 'down backup 1']);

  const site = new World();
  site.configure({ frequencyMs: minuteMs, graceMs: 0, maintenance: [window], dependsOn: ['router'] });
  site.beat(plain);
  site.beat({ name: 'router', frequencyMs: 110 * secondMs });
  site.pass(tenMs + 100 * secondMs);
  site.beat({ name: 'router', frequencyMs: hourMs });
  site.pass(tenMs + 299 * secondMs);
  t.same(said(site), [], 'held for the verdict on the router, then by the maintenance');
  site.pass(tenMs + 300 * secondMs);
  t.same(said(site), ['down backup 0']);
});

t.test('an alert does not wait for what was heard from since, however short its period', async (t) => {
  const world = new World();
  world.configure({ frequencyMs: minuteMs, graceMs: 0, dependsOn: ['router'] });
  world.beat(plain);
  world.pass(tenMs + 50 * secondMs);
  world.beat({ name: 'router', frequencyMs: 20 * secondMs });
  world.pass(tenMs + 61 * secondMs);
  t.same(said(world), []);
  world.beat({ name: 'router', frequencyMs: 20 * secondMs });
  world.pass(tenMs + 66 * secondMs);
  t.same(said(world), ['down backup 0']);
});

t.test(
  'a monitor that died in maintenance is heard from in its schedule, or alerts, once that is taken back',
  async (t) => {
    const window = (hours: number) => [{ kind: 'once' as const, fromMs: tenMs, toMs: tenMs + hours * hourMs }];
    const inWindow = () => {
      const world = new World();
      world.configure({ frequencyMs: minuteMs, graceMs: 10 * secondMs, maintenance: window(24 * 365) });
      world.beat(plain);
      world.pass(tenMs + hourMs, minuteMs);
      t.equal(world.monitor().dueMs, tenMs + 365 * 24 * hourMs + minuteMs);
      return world;
    };
    const removed = inWindow();
    removed.configure({ maintenance: [] });
    t.match(removed.monitor(), { dueMs: tenMs + hourMs + minuteMs, progress: { silent: true } });
    removed.pass(tenMs + hourMs + 71 * secondMs);
    t.same(said(removed), ['down backup 0']);

    const shorter = inWindow();
    shorter.configure({ maintenance: window(2) });
    shorter.pass(tenMs + 2 * hourMs + 69 * secondMs);
    t.same(said(shorter), []);
    shorter.pass(tenMs + 2 * hourMs + 71 * secondMs);
    t.same(said(shorter), ['down backup 0'], 'a period after the end that it has now');

    const both = inWindow();
    both.configure({ maintenance: [], frequencyMs: 2 * minuteMs });
    t.equal(both.monitor().dueMs, tenMs + hourMs + 2 * minuteMs);
    const within = inWindow();
    within.configure({ frequencyMs: 2 * minuteMs });
    t.equal(within.monitor().dueMs, tenMs + 365 * 24 * hourMs + 2 * minuteMs, 'it is still in maintenance');
    const other = inWindow();
    other.configure({ description: 'x' });
    t.equal(other.monitor().dueMs, tenMs + 365 * 24 * hourMs + minuteMs);
  },
);

t.test('a window that goes leaves alone what is due before', async (t) => {
  const world = new World();
  world.configure({
    frequencyMs: hourMs,
    maintenance: [{ kind: 'once', fromMs: tenMs + 10 * hourMs, toMs: tenMs + 11 * hourMs }],
  });
  world.beat(plain);
  world.pass(tenMs + 30 * minuteMs, minuteMs);
  world.configure({ maintenance: [] });
  t.equal(world.monitor().dueMs, tenMs + hourMs);
});

t.test('a deadline that passed before a pause, and was not acted on, is in history', async (t) => {
  const world = new World();
  world.beat({ frequencyMs: minuteMs });
  world.nowMs = tenMs + minuteMs;
  world.pause();
  t.same([...world.incidents.values()], [], 'the ms of the deadline is in time');
  world.resume();
  world.nowMs = tenMs + 10 * minuteMs;
  world.pause();
  const incidents = world.incidents.values().map(({ reason, startedMs, endedMs }) => ({ reason, startedMs, endedMs }));
  t.same([...incidents], [{ reason: 'missed', startedMs: tenMs + 2 * minuteMs, endedMs: world.nowMs }]);
  t.match(world.monitor(), { status: 'paused', incident: null });
});
