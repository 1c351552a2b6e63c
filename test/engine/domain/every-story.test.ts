import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import type { Command } from '../../../server/engine/command.ts';
import type { BeatStatus, Monitor } from '../../../server/engine/domain/monitor.ts';
import type { MonitorConfig } from '../../../server/engine/domain/monitor-config.ts';
import { phaseAt, storedWakeMs, wakeMs } from '../../../server/engine/domain/phase.ts';
import { noProgress, runsMax } from '../../../server/engine/domain/progress.ts';
import type { Change } from '../../../server/store/store.ts';
import { hourMs, minuteMs, tenMs } from '../cast.ts';
import { World } from './world.ts';

/**
 * Whatever happens to three monitors that depend on each other, in any order: what must hold after every step. Times are
 * whole seconds, so that things fall together.
 */

const names = ['backup', 'database', 'router'] as const;
const name = fc.constantFrom(...names);

const window: fc.Arbitrary<MonitorConfig['maintenance'][number]> = fc.oneof(
  fc
    .record({ inS: fc.integer({ min: -60, max: 300 }), forS: fc.integer({ min: 1, max: 120 }) })
    .map(({ inS, forS }) => {
      const fromMs = tenMs + inS * 1_000;
      return { kind: 'once' as const, fromMs, toMs: fromMs + forS * 1_000 };
    }),
  fc.constant({
    kind: 'recurring' as const,
    cron: { expression: '0 * * * *', timeZone: 'UTC' },
    durationMs: 2 * minuteMs,
  }),
);

const patch = fc.record(
  {
    frequencyMs: fc.constantFrom(5_000, 20_000, 60_000),
    cron: fc.constantFrom(null, { expression: '0 * * * *', timeZone: 'UTC' }),
    graceMs: fc.constantFrom(null, 0, 3_000, 30_000),
    maxRunMs: fc.constantFrom(null, 4_000, 30_000),
    minRunMs: fc.constantFrom(null, 2_000),
    minIntervalMs: fc.constantFrom(null, 10_000),
    failuresToAlert: fc.integer({ min: 1, max: 3 }),
    beatsToRecover: fc.integer({ min: 1, max: 3 }),
    dependsOn: fc.uniqueArray(name, { maxLength: 2 }),
    maintenance: fc.array(window, { maxLength: 2 }),
    tags: fc.constantFrom([], ['a']),
  },
  { requiredKeys: [] },
);

const beat = fc.record({
  kind: fc.constant('beat' as const),
  name,
  status: fc.constantFrom<BeatStatus[]>('ok', 'ok', 'ok', 'fail', 'start', 'start', 'log', 'keep_alive'),
  run: fc.constantFrom('', '', 'x', 'y'),
  frequencyMs: fc.constantFrom(5_000, 20_000, 60_000),
  graceMs: fc.constantFrom(null, 0, 3_000),
  stampS: fc.option(fc.integer({ min: -60, max: 70 }), { freq: 3 }),
  beatId: fc.boolean(),
  exitCode: fc.constantFrom(null, null, null, 0, 2),
});

const step = fc.oneof(
  { weight: 12, arbitrary: beat },
  {
    weight: 10,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), byS: fc.integer({ min: 0, max: 40 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pass' as const), byS: fc.constantFrom(600, 4_000) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('sleep' as const), byS: fc.integer({ min: 0, max: 90 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('back' as const), byS: fc.integer({ min: 1, max: 60 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('blind' as const), byS: fc.integer({ min: 2, max: 60 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('configure' as const), name, patch }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('pause' as const),
      name,
      untilS: fc.option(fc.integer({ min: 1, max: 60 })),
      untilPing: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('resume' as const, 'remove' as const), name }) },
);

const steps = fc.array(step, { minLength: 20, maxLength: 60, size: 'max' });

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function play(world: World, step: Step): void {
  switch (step.kind) {
    case 'beat': {
      const { kind: _, stampS, beatId, ...fields } = step;
      const stamp = stampS === null ? null : world.nowMs / 1_000 + stampS;
      world.beat({ ...fields, stampS: stamp, beatId: beatId ? String(world.beats.length) : '' });
      break;
    }
    case 'pass':
      world.pass(world.nowMs + step.byS * 1_000, step.byS > 60 ? 60_000 : 1_000);
      break;
    case 'sleep':
      world.nowMs += step.byS * 1_000;
      break;
    case 'back':
      world.nowMs -= step.byS * 1_000;
      world.look();
      break;
    case 'blind':
      world.blinds.push({ fromMs: world.nowMs, toMs: world.nowMs + step.byS * 1_000 });
      world.nowMs += step.byS * 1_000;
      world.look();
      break;
    case 'configure':
      world.configure(step.patch, step.name);
      break;
    case 'pause':
      world.pause(
        { untilMs: step.untilS === null ? null : world.nowMs + step.untilS * 1_000, untilPing: step.untilPing },
        step.name,
      );
      break;
    case 'resume':
      world.resume(step.name);
      break;
    case 'remove':
      world.remove(step.name);
      break;
  }
  check(world);
}

/** What holds whenever nothing is going on. */
function check(world: World): void {
  const { nowMs, context } = world;
  for (const [name, monitor] of world.monitors) {
    const open = [...world.incidents.values()].filter((each) => each.name === name && each.endedMs === null);
    must(open.length <= 1, `${open.length} open incidents`);
    must(open[0]?.id === monitor.incident?.id, 'the open incident is that of the monitor');
    must((monitor.status === 'down') === (monitor.incident !== null), 'down if and only if an incident is open');
    const paused = world.pauses.some((each) => each.name === name && each.toMs === null);
    must(paused === (monitor.status === 'paused'), 'paused if and only if a pause is open');
    must(paused === (monitor.progress.pause !== null), 'a pause has its reason');
    if (paused) must(monitor.dueMs === null && monitor.progress.runs.length === 0, 'paused: nothing is awaited');
    must(monitor.progress.runs.length <= runsMax, 'runs are bounded');
    if (isDeepStrictEqual({ ...monitor.progress }, { ...noProgress }))
      must(monitor.progress === noProgress, 'identity');
    const wake = wakeMs(monitor, context);
    const stored = storedWakeMs(monitor);
    must(wake === null || (stored !== null && stored <= wake), `a server that starts looks in time: ${stored} ${wake}`);
    if (monitor.incident && monitor.progress.held === null)
      must(saidOf(world, monitor.incident.id)[0] === 'down', 'what is not held was said');
  }
  for (const incident of world.incidents.values()) checkSaid(world, incident);
  for (const monitor of world.monitors.values()) {
    // Of a deadline that blind time put off, the end of the hold is soon enough.
    const isHeld = monitor.progress.held !== null || (monitor.deadlineMs ?? Infinity) <= nowMs;
    if (isHeld || (wakeMs(monitor, context) ?? Infinity) <= nowMs) continue;
    must(!world.wouldChange(monitor), `${monitor.name} sleeps and has something to do`);
  }
}

function saidOf(world: World, incidentId: string): string[] {
  return world.notices
    .filter((notice) => notice.incidentId === incidentId)
    .map(({ type, merged, repeat }) => (merged ? 'merged' : repeat > 0 ? `repeat ${repeat}` : type));
}

/** Nothing (held or paused in time); or one merged notice; or down, its repeats, up (or closed). Nothing twice. */
function checkSaid(
  world: World,
  { id, endedMs, startedMs }: { id: string; endedMs: number | null; startedMs: number },
) {
  must(endedMs === null || endedMs >= startedMs, 'an incident does not end before it begins');
  const said = saidOf(world, id);
  if (said.length === 0 || (said.join() === 'merged' && endedMs !== null)) return;
  const end = ['up', 'closed'].includes(said.at(-1)!) ? said.slice(-1) : [];
  const repeats = said.slice(1, said.length - end.length);
  const wanted = ['down', ...repeats.map((_, index) => `repeat ${index + 1}`), ...end];
  must(said.join() === wanted.join() && (end.length === 0 || endedMs !== null), `an incident was told as ${said}`);
}

function inMaintenance({ config }: Monitor, atMs: number): boolean {
  return config.maintenance.some((each) =>
    each.kind === 'once' ? each.fromMs <= atMs && atMs < each.toMs : atMs % hourMs < each.durationMs,
  );
}

/** What holds of every change. */
function onChange(world: World, before: Monitor | undefined, change: Change, commands: readonly Command[]): void {
  const { monitor, incidents, deliveries, beats, remove } = change;
  const { nowMs } = world;
  const opened = incidents.filter(({ id, endedMs }) => endedMs === null && !world.incidents.has(id));
  const isSilence = commands.length === 0;
  for (const { startedMs, reason } of opened) {
    must(startedMs <= nowMs, 'nothing fires early');
    must(!before || !inMaintenance(before, startedMs) || reason === 'failed', 'no incident begins within maintenance');
    must(remove || !inMaintenance(monitor, startedMs) || commands.some(({ kind }) => kind === 'configure'), 'at all');
  }
  for (const { endedMs, id } of incidents)
    if (endedMs !== null)
      must(world.incidents.get(id)?.endedMs === null || opened.some((each) => each.id === id), 'once');
  if (before?.status === 'paused') {
    const endMs = before.progress.pause!.untilMs ?? Infinity;
    const said = opened.filter(({ startedMs, reason }) => reason === 'missed' && startedMs <= endMs);
    must(said.length === 0, 'nothing is missed by what is paused');
    must(monitor.status !== 'paused' || incidents.length + deliveries.length === 0, 'nor said of it');
  }
  const after = phaseAt(monitor, nowMs);
  if (before && isSilence) {
    must(monitor.status !== 'up' || before.status === 'up', 'silence makes nothing up');
    if (phaseAt(before, nowMs) === 'late')
      must(after === 'late' || after === 'down', `late became ${after} in silence`);
    must(
      beats.every(({ status, atMs }) => status === 'fail' && atMs <= nowMs),
      'all that silence records is overruns',
    );
  }
  for (const { notice } of deliveries) must(notice.atMs === nowMs, 'said now');
}

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

t.test('every story keeps the rules', async (t) => {
  const seen = { beats: 0, incidents: 0, merged: 0, held: 0, pauses: 0, overran: 0 };
  fc.assert(
    fc.property(fc.tuple(patch, patch, patch), steps, (patches, steps) => {
      const world = new World({ alertRepeatMs: 10_000, blindHoldMaxMs: 15_000, onChange });
      for (const [index, name] of names.entries()) {
        world.configure({ frequencyMs: 20_000, dependsOn: names.slice(index + 1), ...patches[index] }, name);
      }
      for (const step of steps) play(world, step);
      seen.beats += world.beats.length;
      seen.incidents += world.incidents.size;
      seen.pauses += world.pauses.length;
      seen.merged += world.notices.filter(({ merged }) => merged).length;
      for (const { heldBy, reason } of world.incidents.values()) {
        seen.held += heldBy === '' ? 0 : 1;
        seen.overran += reason === 'overran' ? 1 : 0;
      }
    }),
    { numRuns: 1_000 },
  );
  t.ok(
    Object.values(seen).every((count) => count > 10),
    `stories with something in them: ${JSON.stringify(seen)}`,
  );
});
