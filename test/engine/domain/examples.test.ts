import t from 'tap';
import { CronOccurrences } from '../../../server/schedule/cron-occurrences.ts';
import { hourMs, minuteMs, secondMs, tenMs } from '../cast.ts';
import { World } from './world.ts';

/** What people set monitors up for, from beginning to end. */

const at = (iso: string): number => Date.parse(iso);
const occurrences = new CronOccurrences();

/** A world whose clock begins at `iso`, with real cron schedules. */
function worldAt(iso: string): World {
  const world = new World({ nextOccurrence: occurrences.next });
  world.nowMs = at(iso);
  return world;
}

const said = ({ notices }: World): string[] =>
  notices.map(({ type, name, reason, merged }) => `${merged ? 'merged' : type} ${name} ${reason}`);
const incidentsOf = ({ incidents }: World) =>
  [...incidents.values()].map(({ name, reason, startedMs, endedMs, heldBy }) => ({
    name,
    reason,
    startedMs,
    endedMs,
    heldBy,
  }));

const berlin = (expression: string) => ({ expression, timeZone: 'Europe/Berlin' });
const plain = { frequencyMs: null, graceMs: null };

t.test('a job at half past two, over the night in which that time does not exist', async (t) => {
  const world = worldAt('2026-03-27T12:00:00Z');
  world.configure({ cron: berlin('30 2 * * *'), graceMs: 10 * minuteMs });
  t.equal(world.monitor().dueMs, null, 'nothing is awaited before the first ping');
  world.pass(at('2026-03-28T01:31:00Z'), minuteMs);
  world.beat(plain);
  t.equal(world.monitor().dueMs, at('2026-03-29T01:00:00Z'), 'due at the moment of the change');
  world.pass(at('2026-03-29T01:05:00Z'), minuteMs);
  world.beat(plain);
  t.equal(world.monitor().dueMs, at('2026-03-30T00:30:00Z'), 'and from then on by summer time');
  world.pass(at('2026-03-30T00:39:59Z'), minuteMs);
  t.equal(world.monitor().status, 'up');
  world.pass(at('2026-03-30T00:40:00Z'));
  t.match(incidentsOf(world), [{ reason: 'missed', startedMs: at('2026-03-30T00:40:00Z'), endedMs: null }]);
});

t.test('a job at half past two, over the night in which that time comes twice', async (t) => {
  const world = worldAt('2026-10-24T00:31:00Z');
  world.configure({ cron: berlin('30 2 * * *'), graceMs: 10 * minuteMs });
  world.beat(plain);
  t.equal(world.monitor().dueMs, at('2026-10-25T00:30:00Z'), 'due the first time');
  world.pass(at('2026-10-25T00:32:00Z'), minuteMs);
  world.beat(plain);
  t.equal(world.monitor().dueMs, at('2026-10-26T01:30:00Z'), 'not again an hour later');
  world.pass(at('2026-10-26T01:31:00Z'), minuteMs);
  world.beat(plain);
  t.same(said(world), []);
});

t.test('a daily job that must start in time, and may then take two hours', async (t) => {
  const world = worldAt('2026-01-10T03:00:10Z');
  world.configure({ cron: berlin('0 4 * * *'), graceMs: 5 * minuteMs, maxRunMs: 2 * hourMs });
  world.beat({ ...plain, status: 'start' });
  t.equal(world.monitor().dueMs, at('2026-01-11T03:00:00Z'), 'the start came in time, the next is due tomorrow');
  world.pass(at('2026-01-10T04:50:00Z'), minuteMs);
  world.beat({ ...plain });
  t.equal(world.beats.at(-1)!.durationMs, at('2026-01-10T04:50:00Z') - at('2026-01-10T03:00:10Z'));

  world.pass(at('2026-01-11T03:01:00Z'), minuteMs);
  world.beat({ ...plain, status: 'start' });
  world.pass(at('2026-01-11T05:00:59Z'), minuteMs);
  t.equal(world.monitor().status, 'up', 'within its limit');
  world.pass(at('2026-01-11T05:01:00Z'));
  t.match(incidentsOf(world), [{ reason: 'overran', startedMs: at('2026-01-11T05:01:00Z') }]);
  t.equal(world.notices[0]!.message, 'the run took longer than 2h');
  t.match(world.beats.at(-1), { status: 'fail', atMs: at('2026-01-11T05:01:00Z'), durationMs: 2 * hourMs });
  world.pass(at('2026-01-11T06:00:00Z'), minuteMs);
  world.beat(plain);
  t.same(said(world), ['down backup overran', 'up backup overran'], 'it came to an end at last');

  world.pass(at('2026-01-12T03:05:00Z'), minuteMs);
  t.match(incidentsOf(world).at(-1), { reason: 'missed', startedMs: at('2026-01-12T03:05:00Z') }, 'no start in time');
});

t.test('runs that overlap are told apart by their ids', async (t) => {
  const world = new World();
  world.configure({ frequencyMs: hourMs, graceMs: 0, maxRunMs: 10 * minuteMs });
  world.beat({ ...plain, status: 'start', run: 'a' });
  world.pass(tenMs + 4 * minuteMs);
  world.beat({ ...plain, status: 'start', run: 'b' });
  world.beat({ ...plain, run: 'c' });
  t.same(
    world.monitor().progress.runs.map(({ id }) => id),
    ['a', 'b'],
    'an end that fits no start ends none',
  );
  world.pass(tenMs + 9 * minuteMs);
  world.beat({ ...plain, run: 'b' });
  t.match(world.beats.at(-1), { run: 'b', durationMs: 5 * minuteMs });
  world.pass(tenMs + 10 * minuteMs);
  t.match(incidentsOf(world), [{ reason: 'overran', startedMs: tenMs + 10 * minuteMs }]);
  t.match(world.notices[0], { message: 'the run a took longer than 10m' });
  world.pass(tenMs + 12 * minuteMs);
  world.beat({ ...plain, run: 'b' });
  t.same(said(world), ['down backup overran', 'up backup overran']);
});

t.test('a long job that says that it is alive', async (t) => {
  const world = new World();
  world.configure({ frequencyMs: 24 * hourMs, maxRunMs: 10 * minuteMs });
  world.beat({ ...plain, status: 'start' });
  for (let minutes = 8; minutes <= 40; minutes += 8) {
    world.pass(tenMs + minutes * minuteMs);
    world.beat({ ...plain, status: 'keep_alive' });
  }
  t.same(said(world), []);
  world.pass(tenMs + 50 * minuteMs);
  t.match(incidentsOf(world), [{ reason: 'overran', startedMs: tenMs + 50 * minuteMs }]);
  t.match(world.beats.at(-1), { status: 'fail', durationMs: 50 * minuteMs });
});

t.test('exit codes, runs that are too short, and runs that come too often', async (t) => {
  const world = new World();
  world.configure({ frequencyMs: hourMs, minRunMs: minuteMs, minIntervalMs: 30 * minuteMs });
  const run = (exitCode: number | null, lastsMs: number) => {
    world.beat({ ...plain, status: 'start' });
    world.pass(world.nowMs + lastsMs);
    world.beat({ ...plain, exitCode });
    return world.beats.at(-1)!.status;
  };
  t.equal(run(0, 2 * minuteMs), 'ok');
  world.pass(tenMs + hourMs);
  t.equal(run(3, 2 * minuteMs), 'fail', 'an exit code other than 0');
  t.match(world.notices.at(-1), { type: 'down', reason: 'failed', exitCode: 3 });
  world.pass(tenMs + 2 * hourMs);
  t.equal(run(0, 2 * minuteMs), 'ok');
  t.equal(world.monitor().status, 'up');
  world.pass(tenMs + 3 * hourMs);
  t.equal(run(0, 30 * secondMs), 'fail', 'it cannot have done its work');
  t.match(world.notices.at(-1), { reason: 'too_short', message: 'the run took 30 s, at least 1m is expected' });
  world.pass(tenMs + 4 * hourMs);
  t.equal(run(0, 2 * minuteMs), 'ok');
  world.pass(tenMs + 4 * hourMs + 10 * minuteMs);
  world.beat({ ...plain, status: 'start' });
  t.match(world.notices.at(-1), {
    type: 'down',
    reason: 'too_often',
    message: 'the run began 600 s after the one before, at least 30m is expected',
  });
});

t.test('a job that runs too often stays down until it does not any more, whatever its threshold', async (t) => {
  const runs = (world: World, count: number) => {
    for (let n = 0; n < count; n++) {
      world.beat({ ...plain, status: 'start' });
      world.pass(world.nowMs + secondMs);
      world.beat(plain);
    }
  };
  const strict = new World();
  strict.configure({ frequencyMs: hourMs, minIntervalMs: minuteMs });
  runs(strict, 5);
  t.same(said(strict), ['down backup too_often'], 'the end of a run that came too soon is no recovery');
  strict.pass(strict.nowMs + 2 * minuteMs);
  runs(strict, 1);
  t.same(said(strict), ['down backup too_often', 'up backup too_often']);

  const patient = new World();
  patient.configure({ frequencyMs: hourMs, minIntervalMs: minuteMs, failuresToAlert: 3 });
  runs(patient, 3);
  t.equal(patient.monitor().progress.failures, 2, 'nor does it count as one that is all right');
  runs(patient, 1);
  t.equal(patient.monitor().status, 'down');
});

t.test('a monitor that goes down before its first ok counts from there', async (t) => {
  const hung = new World();
  hung.configure({ frequencyMs: hourMs, maxRunMs: 10 * minuteMs });
  hung.beat({ ...plain, status: 'start' });
  hung.pass(tenMs + 20 * minuteMs);
  t.match(hung.monitor(), { status: 'down', firstBeatMs: tenMs + 10 * minuteMs });
});

t.test('the late end of a run that overran is not taken for a run that comes too often', async (t) => {
  const world = new World();
  world.configure({ frequencyMs: 24 * hourMs, maxRunMs: 10 * minuteMs, minIntervalMs: hourMs });
  world.beat({ ...plain, status: 'start', run: 'a' });
  world.pass(tenMs + 15 * minuteMs);
  world.beat({ ...plain, run: 'a' });
  t.same(said(world), ['down backup overran', 'up backup overran']);
});

t.test('paused until the next ping', async (t) => {
  const world = new World();
  world.configure({ frequencyMs: minuteMs, graceMs: 0 });
  world.beat(plain);
  world.pass(tenMs + minuteMs);
  t.same(said(world), ['down backup missed']);
  world.pause({ untilPing: true });
  t.match(incidentsOf(world), [{ endedMs: tenMs + minuteMs }], 'the incident ends, without a word');
  world.pass(tenMs + hourMs, minuteMs);
  world.beat({ ...plain, status: 'log' });
  t.equal(world.monitor().status, 'paused', 'a note is no ping');
  world.beat({ ...plain, status: 'keep_alive' });
  t.equal(world.monitor().status, 'new', 'neither up nor down until an ok or a fail');
  world.pass(tenMs + hourMs + 30 * secondMs);
  world.beat(plain);
  t.match(world.monitor(), { status: 'up', dueMs: world.nowMs + minuteMs });
  t.same(world.pauses, [{ name: 'backup', fromMs: tenMs + minuteMs, toMs: tenMs + hourMs }]);
  t.same(said(world), ['down backup missed', 'closed backup missed']);
});

t.test('a replay of what came before a pause does not end it', async (t) => {
  const world = new World();
  world.configure({ frequencyMs: minuteMs });
  world.beat({ ...plain });
  world.pass(tenMs + 30_500);
  world.pause({ untilPing: true });
  world.beat({ ...plain, stampS: tenMs / 1_000 + 20, beatId: 'spooled' });
  t.equal(world.monitor().status, 'paused');
  world.beat({ ...plain, stampS: tenMs / 1_000 + 30 });
  t.equal(world.monitor().status, 'up', 'a stamp has no milliseconds');
});

t.test('paused until a time: its end alone alerts nobody', async (t) => {
  const world = new World();
  world.configure({ frequencyMs: minuteMs, graceMs: 10_000 });
  world.beat(plain);
  world.pause({ untilMs: tenMs + hourMs });
  world.pass(tenMs + hourMs + 69_999);
  t.same(said(world), []);
  world.pass(tenMs + hourMs + 70_000);
  t.same(said(world), ['down backup missed'], 'it had its time to come back');
  t.match(incidentsOf(world), [{ startedMs: tenMs + hourMs + 70_000 }]);
});

t.test('maintenance over a deadline', async (t) => {
  const world = new World();
  const window = { kind: 'once' as const, fromMs: tenMs + 50 * secondMs, toMs: tenMs + 600 * secondMs };
  world.configure({ frequencyMs: minuteMs, graceMs: 30 * secondMs, maintenance: [window] });
  world.beat(plain);
  world.pass(tenMs + 300 * secondMs);
  world.beat({ ...plain, status: 'fail' });
  world.pass(window.toMs + 89_999);
  t.same([said(world), incidentsOf(world)], [[], []], 'neither silence nor a failure within it counts');
  world.pass(window.toMs + 90_000);
  t.match(
    incidentsOf(world),
    [{ reason: 'missed', startedMs: window.toMs + 90_000 }],
    'a period and the grace after it',
  );
});

t.test('three failures alert, two oks in time recover', async (t) => {
  const world = new World();
  world.configure({ frequencyMs: minuteMs, graceMs: 0, failuresToAlert: 3, beatsToRecover: 2 });
  world.beat(plain);
  world.pass(tenMs + 90 * secondMs);
  t.match(world.monitor().progress, { failures: 1, silent: true });
  world.beat({ ...plain, status: 'fail' });
  t.equal(world.monitor().status, 'up', 'two in a row');
  world.pass(tenMs + 150 * secondMs);
  t.match(incidentsOf(world), [{ reason: 'missed', startedMs: tenMs + 150 * secondMs }], 'three');
  world.beat(plain);
  t.equal(world.monitor().status, 'down', 'one ok');
  world.pass(tenMs + 211 * secondMs);
  world.beat(plain);
  t.equal(world.monitor().status, 'down', 'the second came too late to be in a row');
  world.pass(tenMs + 240 * secondMs);
  world.beat(plain);
  t.equal(world.monitor().status, 'up');
  t.same(said(world), ['down backup missed', 'up backup missed']);
});
