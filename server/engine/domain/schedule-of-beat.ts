import type { DecisionContext, Rejection } from './decision.ts';
import { minFrequencyMs, parseDuration } from './duration.ts';
import type { Beat, Monitor, NamedConfig } from './monitor.ts';
import { type MonitorConfig, plainConfig } from './monitor-config.ts';
import { defaultGraceMs } from './schedule.ts';

/** What a monitor's schedule and configuration are after a beat; possibly the monitor itself, so to be read by field. */
export type Scheduling = Pick<Monitor, 'frequencyMs' | 'graceMs' | 'config'>;

type Read = { ok: true; scheduling: Scheduling } | { ok: false; rejection: Rejection };

/**
 * What a beat names replaces what the monitor had. A monitor that people configured keeps what the beat does not name; one
 * that pings made must be told its frequency by each, and has the default grace where a ping names none. A beat that keeps
 * the schedule needs a monitor, or a configuration to make it of.
 */
export function scheduleOfBeat(monitor: Monitor | undefined, beat: Beat, context: DecisionContext): Read {
  const { frequencyMs, named } = beat;
  const before = monitor?.config ?? plainConfig;
  if (frequencyMs !== null && named === null && before === plainConfig) {
    const graceMs = beat.graceMs ?? context.policy.defaultGraceMs;
    // What nearly every ping names is what its monitor has.
    if (monitor && monitor.frequencyMs === frequencyMs && monitor.graceMs === graceMs)
      return { ok: true, scheduling: monitor };
    return { ok: true, scheduling: { frequencyMs, graceMs, config: plainConfig } };
  }
  if (!monitor && beat.provision) {
    const { frequencyMs: periodMs, graceMs, ...config } = beat.provision;
    return { ok: true, scheduling: { frequencyMs: periodMs, graceMs, config } };
  }
  if (beat.keepsSchedule) {
    if (!monitor) return { ok: false, rejection: unknown(beat.name) };
    return { ok: true, scheduling: { frequencyMs: monitor.frequencyMs, graceMs: monitor.graceMs, config: before } };
  }
  const namesSchedule = frequencyMs !== null || (named?.cron ?? null) !== null;
  const isConfigured = monitor !== undefined && before.origin !== 'ping';
  if (!namesSchedule && !isConfigured) return { ok: false, rejection: noFrequency };
  const config = namedConfig(before, named, frequencyMs);
  const scheduled = { frequencyMs: config.cron ? 0 : (frequencyMs ?? monitor!.frequencyMs), config };
  return { ok: true, scheduling: { ...scheduled, graceMs: graceOf(monitor, beat, scheduled, context) } };
}

function graceOf(
  monitor: Monitor | undefined,
  beat: Beat,
  scheduled: Pick<Monitor, 'frequencyMs' | 'config'>,
  { policy, nextOccurrence }: DecisionContext,
): number {
  if (beat.graceMs !== null) return beat.graceMs;
  if (monitor && monitor.config.origin !== 'ping') return monitor.graceMs;
  // A cron schedule without grace would have to be met to the second.
  return scheduled.config.cron ? defaultGraceMs(scheduled, nextOccurrence) : policy.defaultGraceMs;
}

/** The same object when nothing changes: a change of configuration is written, a plain beat is not. */
function namedConfig(before: MonitorConfig, named: NamedConfig | null, frequencyMs: number | null): MonitorConfig {
  const cron = named?.cron ?? (frequencyMs === null ? before.cron : null);
  const tags = named?.tags ?? before.tags;
  const channels = named?.channels ?? before.channels;
  const sameCron = cron?.expression === before.cron?.expression && cron?.timeZone === before.cron?.timeZone;
  if (sameCron && isSame(tags, before.tags) && isSame(channels, before.channels)) return before;
  return { ...before, cron, tags, channels };
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((item, index) => item === b[index]));
}

function unknown(name: string): Rejection {
  return { code: 'not_found', field: 'name', message: `name: no monitor is called ${JSON.stringify(name)}` };
}

const required = parseDuration('', { minMs: minFrequencyMs });
const form = required.ok ? '' : required.problem.replace(/^must be /, '');
const noFrequency: Rejection = {
  code: 'invalid_argument',
  field: 'frequency',
  message: `frequency: must be given, as only pings say how often this monitor must be heard from: ${form}`,
};
