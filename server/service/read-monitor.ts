import { Code, type ConnectError } from '@connectrpc/connect';
import { type Monitor, MonitorSchema } from '../../gen/ts/tocsin/v1/monitor_pb.ts';
import type { Configuration } from '../engine/domain/configure.ts';
import { minFrequencyMs, parseDuration } from '../engine/domain/duration.ts';
import type { MaintenanceWindow } from '../engine/domain/maintenance.ts';
import { severities } from '../engine/domain/monitor-config.ts';
import { checkMonitorName } from '../engine/domain/monitor-name.ts';
import { callError, quoteInput } from './call-error.ts';
import { itemProblem, tagProblem, textProblem } from './item-problem.ts';
import { problemError } from './problem-error.ts';
import type { BeatChecks } from './read-beat.ts';
import { type FieldProblem, readMaintenance } from './read-maintenance.ts';
import { channelsHint } from './read-schedule.ts';

export type ReadMonitor = { ok: true; configuration: Configuration } | { ok: false; error: ConnectError };

/** How a Monitor message is meant. */
export type MonitorReading = {
  /** `create`, `upsert`: everything, what is left out has its default. `update`: what the mask names. */
  mode: Configuration['mode'];
  /** Paths of an `update`. */
  mask?: readonly string[];
  checks: BeatChecks;
  /** Before the names of fields in errors, such as "monitor.". Default: nothing. */
  prefix?: string;
};

type Patch = Configuration['patch'];
/** Reads one field into the patch, or says what is wrong. */
type FieldReader = (monitor: Monitor, patch: Patch, checks: BeatChecks) => FieldProblem | null;

/**
 * What somebody wants a monitor to be, or what is wrong with it. The message has passed the rules of the proto; here is what
 * rules cannot say, and what depends on the monitor's state is for the engine. Fields that are output only are not read.
 * The errors are INVALID_ARGUMENT; of the mask, they name `update_mask`.
 */
export function readMonitor(monitor: Monitor, { mode, mask, checks, prefix = '' }: MonitorReading): ReadMonitor {
  const named = mode === 'update' ? settableOf(mask ?? []) : { ok: true as const, fields: allSettable };
  if (!named.ok) return named;
  const { fields } = named;
  const nameProblem = checkMonitorName(monitor.name);
  if (nameProblem !== null) return invalid(prefix, { field: 'name', problem: nameProblem, value: monitor.name });
  const patch: Patch = {};
  const problem = readSchedule(monitor, patch, { fields, checks }) ?? readFields(monitor, patch, { fields, checks });
  if (problem) return invalid(prefix, problem);
  const etag = monitor.etag === '' ? null : monitor.etag;
  return { ok: true, configuration: { name: monitor.name, mode, patch, etag } };
}

type Asked = { fields: ReadonlySet<string>; checks: BeatChecks };

/** A cron excludes a frequency. In an update, time zone and expression can come one without the other. */
function readSchedule(monitor: Monitor, patch: Patch, { fields, checks }: Asked): FieldProblem | null {
  const given = (field: 'frequency' | 'cron' | 'timeZone', path: string = field) =>
    fields.has(path) ? monitor[field] : '';
  const frequency = given('frequency');
  const cron = given('cron');
  const timeZone = given('timeZone', 'time_zone');
  if (frequency !== '') {
    if (cron !== '') return { field: 'cron', problem: 'must not be given with a frequency', value: cron };
    if (timeZone !== '') return { field: 'time_zone', problem: 'must not be given with a frequency', value: timeZone };
    const parsed = parseDuration(frequency, { minMs: minFrequencyMs });
    if (!parsed.ok) return { field: 'frequency', problem: parsed.problem, value: frequency };
    patch.frequencyMs = parsed.ms;
    patch.cron = null;
    return null;
  }
  if (fields.has('frequency')) patch.frequencyMs = 0;
  const problem =
    (cron === '' ? null : checks.expressionProblem(cron)) ??
    (fields.has('cron') && cron === '' && timeZone !== '' ? 'must be given with a time zone' : null);
  if (problem !== null) return { field: 'cron', problem, value: cron };
  const zone = timeZone === '' ? 'UTC' : timeZone;
  const zoneProblem = checks.timeZoneProblem(zone);
  if (zoneProblem !== null) return { field: 'time_zone', problem: zoneProblem, value: timeZone };
  if (fields.has('cron') && cron === '') patch.cron = null;
  else if (fields.has('cron') && fields.has('time_zone')) patch.cron = { expression: cron, timeZone: zone };
  else if (fields.has('cron')) patch.cron = { expression: cron };
  else if (fields.has('time_zone')) patch.cron = { timeZone: zone };
  return null;
}

function readFields(monitor: Monitor, patch: Patch, { fields, checks }: Asked): FieldProblem | null {
  for (const [field, read] of Object.entries(readers)) {
    const problem = fields.has(field) ? read(monitor, patch, checks) : null;
    if (problem) return problem;
  }
  return null;
}

/** Of every field that people may set but those of the schedule, by its proto name. */
const readers: Readonly<Record<string, FieldReader>> = {
  grace: ({ grace }, patch) => {
    const parsed = grace === '' ? { ok: true as const, ms: null } : parseDuration(grace);
    if (!parsed.ok) return { field: 'grace', problem: parsed.problem, value: grace };
    patch.graceMs = parsed.ms;
    return null;
  },
  description: ({ description }, patch) => {
    const problem = textProblem(description);
    if (problem !== null) return { field: 'description', problem, value: description };
    patch.description = description;
    return null;
  },
  max_run: durationReader('max_run', 'maxRun', 'maxRunMs'),
  min_run: durationReader('min_run', 'minRun', 'minRunMs'),
  min_interval: durationReader('min_interval', 'minInterval', 'minIntervalMs'),
  failures_to_alert: ({ failuresToAlert }, patch) => {
    patch.failuresToAlert = failuresToAlert || 1;
    return null;
  },
  beats_to_recover: ({ beatsToRecover }, patch) => {
    patch.beatsToRecover = beatsToRecover || 1;
    return null;
  },
  tags: ({ tags }, patch) => {
    const problem = itemProblem('tags', tags, tagProblem);
    patch.tags = [...tags];
    return problem;
  },
  channels: ({ channels }, patch, checks) => {
    const hint = channelsHint(checks.channels);
    const problem = itemProblem('channels', channels, (name) => (checks.channels.has(name) ? null : hint));
    patch.channels = [...channels];
    return problem;
  },
  depends_on: ({ dependsOn }, patch) => {
    const problem = itemProblem('depends_on', dependsOn, checkMonitorName);
    patch.dependsOn = [...dependsOn];
    return problem;
  },
  maintenance: ({ maintenance }, patch, checks) => {
    const windows: MaintenanceWindow[] = [];
    for (const [index, message] of maintenance.entries()) {
      const read = readMaintenance(message, checks);
      if (!read.ok) return { ...read, field: `maintenance[${index}].${read.field}` };
      windows.push(read.window);
    }
    patch.maintenance = windows;
    return null;
  },
  severity: ({ severity }, patch) => {
    // The contract's own rule has seen that it is one of them.
    patch.severity = severities.find((each) => each === severity) ?? 'critical';
    return null;
  },
  ping_id: ({ pingId }, patch) => {
    // Left out, it is the one that the monitor has.
    if (pingId === '') return null;
    if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(pingId)) {
      const problem = 'must be a UUID, such as 0f8fad5b-d9cb-469f-a165-70867728950e, or empty';
      return { field: 'ping_id', problem, value: pingId };
    }
    patch.pingId = pingId.toLowerCase();
    return null;
  },
};

const allSettable: ReadonlySet<string> = new Set(['frequency', 'cron', 'time_zone', ...Object.keys(readers)]);

function durationReader(
  field: string,
  property: 'maxRun' | 'minRun' | 'minInterval',
  target: 'maxRunMs' | 'minRunMs' | 'minIntervalMs',
): FieldReader {
  return (monitor, patch) => {
    const text = monitor[property];
    const parsed = text === '' ? { ok: true as const, ms: null } : parseDuration(text, { minMs: minFrequencyMs });
    if (!parsed.ok) return { field, problem: parsed.problem, value: text };
    patch[target] = parsed.ms;
    return null;
  };
}

type Settable = { ok: true; fields: ReadonlySet<string> } | { ok: false; error: ConnectError };

/** Fields that say which monitor is meant or under which condition, or that are output only. In a mask they set nothing. */
const notSettable: ReadonlySet<string> = new Set(
  MonitorSchema.fields.map(({ name }) => name).filter((name) => !allSettable.has(name)),
);

/** What a mask names. One may name every field there is, since whoever sends back a monitor that was read means them all. */
function settableOf(mask: readonly string[]): Settable {
  const paths = mask.filter((path) => !notSettable.has(path));
  const others = paths.filter((path) => !allSettable.has(path));
  if (paths.length > 0 && others.length === 0) return { ok: true, fields: new Set(paths) };
  const got = others.length > 0 ? `; got ${others.slice(0, 20).map(quoteInput).join(', ')}` : '';
  const message = `update_mask: must name one or more of ${[...allSettable].join(', ')}, and nothing else${got}`;
  return { ok: false, error: callError({ code: Code.InvalidArgument, message, field: 'update_mask' }) };
}

function invalid(prefix: string, problem: FieldProblem): ReadMonitor & { ok: false } {
  return { ok: false, error: problemError(problem, prefix) };
}
