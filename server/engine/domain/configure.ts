import { continueAlert } from './alerting/tell.ts';
import { awaitNext } from './await-next.ts';
import { type Decision, type DecisionContext, joined, onlyState, type Rejection } from './decision.ts';
import { formatDuration, minFrequencyMs, parseDuration } from './duration.ts';
import { maintenanceOver } from './excuse.ts';
import type { Monitor } from './monitor.ts';
import { type MonitorConfig, type MonitorSpec, plainConfig } from './monitor-config.ts';
import { etagOf, specOf } from './monitor-spec.ts';
import { newMonitor } from './new-monitor.ts';
import { passTime } from './pass-time.ts';
import { type OpenRun, progressOf } from './progress.ts';
import { type CronSchedule, defaultGraceMs } from './schedule.ts';

/** What somebody wants a monitor to be. Values are checked; what depends on the state is not yet. */
export type Configuration = {
  name: string;
  /** `create`: there must be none of the name; `update`: there must be one. */
  mode: 'create' | 'upsert' | 'update';
  /** What is to change. A `graceMs` of null is the default of its schedule; what `cron` leaves out stays. */
  patch: Partial<Omit<MonitorSpec, 'graceMs' | 'cron'>> & {
    graceMs?: number | null;
    cron?: Partial<CronSchedule> | null;
  };
  /** The `etagOf` the monitor that is to be changed; null: whichever it is. */
  etag: string | null;
};

export type Configured =
  | { ok: true; decision: Decision /** False: it was like that before. */; changed: boolean }
  | { ok: false; rejection: Rejection };

/**
 * Creates a monitor (undefined) or changes one. A new one awaits nothing until its first beat. A schedule that changes counts
 * from the newest beat, or from now where that would make the monitor miss what nobody had asked for.
 */
export function configure(monitor: Monitor | undefined, request: Configuration, context: DecisionContext): Configured {
  const refusal = stateRefusal(monitor, request);
  if (refusal) return { ok: false, rejection: refusal };
  const cron = cronOf(monitor?.config.cron ?? null, request.patch);
  if (cron === undefined) return { ok: false, rejection: noExpression };
  const config = configOf(monitor, { ...request.patch, cron }, context);
  const limits = runLimitsProblem(config);
  if (limits) return { ok: false, rejection: limits };
  const frequencyMs = config.cron ? 0 : (request.patch.frequencyMs ?? monitor?.frequencyMs ?? 0);
  if (config.cron === null && frequencyMs === 0) return { ok: false, rejection: noSchedule };
  const scheduled = { config, frequencyMs };
  const { graceMs: wantedMs } = request.patch;
  const keptMs = wantedMs === undefined ? monitor?.graceMs : wantedMs;
  const graceMs = keptMs ?? defaultGraceMs(scheduled, context.nextOccurrence);
  const cycle = isSameList(config.dependsOn, monitor?.config.dependsOn)
    ? null
    : cycleFrom(request.name, config.dependsOn, context);
  if (cycle) return { ok: false, rejection: cycle };
  if (!monitor)
    return {
      ok: true,
      decision: onlyState(newMonitor(request.name, context.nowMs, { ...scheduled, graceMs })),
      changed: true,
    };
  const spec = { ...scheduled, graceMs };
  if (etagOf(spec) === etagOf(monitor)) return { ok: true, decision: onlyState(monitor), changed: false };
  // What came due before the change did so by the rules of then; the ms of a deadline belongs to the beat.
  const passed = passTime(monitor, context.nowMs - 1, context);
  const next = { ...passed.monitor, ...spec, progress: progressUnder(config, passed.monitor, context) };
  const changed = joined(passed, onlyState(rescheduled(passed.monitor, next, context)));
  // Its tags, severity and channels say who hears of it.
  const told = continueAlert(changed.monitor, context);
  return { ok: true, decision: told ? joined(changed, told) : changed, changed: true };
}

function stateRefusal(monitor: Monitor | undefined, { name, mode, etag }: Configuration): Rejection | null {
  const quoted = JSON.stringify(name);
  if (mode === 'create' && monitor) {
    return { code: 'already_exists', field: 'name', message: `name: there is a monitor called ${quoted} already` };
  }
  if (!monitor && (mode === 'update' || etag !== null)) {
    return { code: 'not_found', field: 'name', message: `name: no monitor is called ${quoted}` };
  }
  if (monitor && etag !== null && etag !== etagOf(monitor)) {
    const message = `etag: the monitor was changed since it was read, its etag is now ${etagOf(monitor)}; read it again`;
    return { code: 'aborted', field: 'etag', message };
  }
  return null;
}

function configOf(
  monitor: Monitor | undefined,
  patch: Configuration['patch'] & { cron: CronSchedule | null },
  context: DecisionContext,
): MonitorConfig {
  const before = monitor ? specOf(monitor) : { ...plainConfig, origin: 'api' as const };
  const wanted = { ...before, ...patch };
  const { frequencyMs: _, graceMs: __, ...config } = wanted as MonitorSpec;
  const origin = patch.origin ?? (config.origin === 'ping' ? 'api' : config.origin);
  return { ...config, origin, pingId: config.pingId || context.newId() };
}

/** The schedule that a patch leaves; undefined for a time zone without an expression. */
function cronOf(
  before: CronSchedule | null,
  { cron, frequencyMs }: Configuration['patch'],
): CronSchedule | null | undefined {
  if (cron === undefined) return frequencyMs ? null : before;
  if (cron === null) return null;
  const expression = cron.expression ?? before?.expression;
  return expression === undefined ? undefined : { expression, timeZone: cron.timeZone ?? before?.timeZone ?? 'UTC' };
}

function runLimitsProblem({ minRunMs, maxRunMs }: MonitorConfig): Rejection | null {
  if (minRunMs === null || maxRunMs === null || minRunMs <= maxRunMs) return null;
  const given = `min_run is ${formatDuration(minRunMs)}, max_run is ${formatDuration(maxRunMs)}`;
  return { code: 'invalid_argument', field: 'min_run', message: `min_run: must be at most the max_run; ${given}` };
}

function rescheduled(before: Monitor, next: Monitor, context: DecisionContext): Monitor {
  const isScheduleSame =
    before.frequencyMs === next.frequencyMs &&
    before.graceMs === next.graceMs &&
    before.config.cron?.expression === next.config.cron?.expression &&
    before.config.cron?.timeZone === next.config.cron?.timeZone;
  const isMaintenanceSame = JSON.stringify(before.config.maintenance) === JSON.stringify(next.config.maintenance);
  if ((isScheduleSame && isMaintenanceSame) || next.status === 'paused') return next;
  // Of one that is down, the deadline that was missed stays visible.
  if (next.status === 'down' || (next.status === 'new' && next.dueMs === null)) return next;
  const counted = isScheduleSame ? next : awaitNext(next, countsFromMs(before) ?? context.nowMs, context);
  // One that was excused is due after a maintenance that may be over now, or end sooner.
  const fromNow = awaitNext(next, excusedUntilMs(next, context), context);
  const isLater = fromNow.dueMs !== null && (counted.dueMs === null || counted.dueMs > fromNow.dueMs);
  // A deadline of an unchanged schedule that is past waits for the end of its hold.
  const isPast = !isScheduleSame && counted.deadlineMs !== null && counted.deadlineMs <= context.nowMs;
  return isLater || isPast ? fromNow : counted;
}

/** The end of the maintenance that the monitor is in, or now, Unix ms. */
function excusedUntilMs(monitor: Monitor, context: DecisionContext): number {
  const { nowMs } = context;
  return maintenanceOver(monitor, { fromMs: nowMs, toMs: nowMs }, context)?.toMs ?? nowMs;
}

/** From when the schedule counts now: the newest beat, or the start, the end of a pause or the miss after it, Unix ms. */
function countsFromMs({ config, dueMs, frequencyMs, lastBeatMs, progress }: Monitor): number | null {
  if (config.cron === null && dueMs !== null) return dueMs - frequencyMs;
  const startMs = config.maxRunMs === null ? undefined : progress.runs.at(-1)?.startedMs;
  return startMs === undefined ? lastBeatMs : Math.max(startMs, lastBeatMs ?? startMs);
}

/** The limits of open runs follow a new `maxRunMs`; one that it would have ended already gets it from now on. */
function progressUnder({ maxRunMs, minIntervalMs }: MonitorConfig, before: Monitor, { nowMs }: DecisionContext) {
  const { runs, begunMs } = before.progress;
  const beforeMs = before.config.maxRunMs;
  const limited = (run: OpenRun): OpenRun => {
    if (maxRunMs === null) return { ...run, limitMs: null };
    const limitMs = (run.limitMs === null || beforeMs === null ? run.startedMs : run.limitMs - beforeMs) + maxRunMs;
    return { ...run, limitMs: limitMs <= nowMs ? nowMs + maxRunMs : limitMs };
  };
  return progressOf(before.progress, {
    runs: maxRunMs === beforeMs ? runs : runs.map(limited),
    begunMs: minIntervalMs === null ? null : begunMs,
  });
}

/** Names of a longer way that an error shows. */
const namesShown = 10;

/** "a -> b -> a"; the middle of a long way is left out. */
function pathText(names: readonly string[]): string {
  if (names.length <= namesShown) return names.join(' -> ');
  const half = namesShown / 2;
  const more = `(${names.length - namesShown} more)`;
  return [...names.slice(0, half), more, ...names.slice(-half)].join(' -> ');
}

/** The monitor must not depend on itself, by way of others either: each would hold the alert of the next, for good. */
function cycleFrom(name: string, dependsOn: readonly string[], context: DecisionContext): Rejection | null {
  /** By name: by way of which monitor it was reached first. */
  const reachedBy = new Map<string, string>(dependsOn.map((first) => [first, name]));
  const open = [...reachedBy.keys()];
  for (let last = open.pop(); last !== undefined; last = open.pop()) {
    if (last === name) {
      const path = [name];
      for (let via = reachedBy.get(name)!; via !== name; via = reachedBy.get(via)!) path.unshift(via);
      const message = `depends_on: must not lead back to the monitor itself: ${pathText([name, ...path])}`;
      return { code: 'invalid_argument', field: 'depends_on', message };
    }
    for (const next of context.monitorNamed(last)?.config.dependsOn ?? []) {
      if (reachedBy.has(next)) continue;
      reachedBy.set(next, last);
      open.push(next);
    }
  }
  return null;
}

function isSameList(one: readonly string[], other: readonly string[] | undefined): boolean {
  return one.length === other?.length && one.every((name, index) => name === other[index]);
}

const noExpression: Rejection = {
  code: 'invalid_argument',
  field: 'time_zone',
  message: 'time_zone: must be given with a cron expression',
};
const required = parseDuration('', { minMs: minFrequencyMs });
const noSchedule: Rejection = {
  code: 'invalid_argument',
  field: 'frequency',
  message: `frequency: ${required.ok ? '' : required.problem}; or give a cron expression`,
};
