import type { Monitor } from './monitor.ts';

/** A cron expression in a time zone. */
export type CronSchedule = {
  expression: string;
  /** IANA name. */
  timeZone: string;
};

/** Port: the first occurrence strictly after `afterMs` (Unix ms); null when there is none any more. */
export type NextOccurrence = (cron: CronSchedule, afterMs: number) => number | null;

type Scheduled = Pick<Monitor, 'frequencyMs' | 'config'>;

/** When a beat is due that follows what happened at `fromMs`, Unix ms; null when the schedule has ended. */
export function nextDueMs(monitor: Scheduled, fromMs: number, nextOccurrence: NextOccurrence): number | null {
  const { cron } = monitor.config;
  return cron === null ? fromMs + monitor.frequencyMs : nextOccurrence(cron, fromMs);
}

/** The time between two beats around `dueMs`, ms: the period, or the time to the occurrence after it. */
export function cadenceMs(monitor: Scheduled, dueMs: number, nextOccurrence: NextOccurrence): number {
  const { cron } = monitor.config;
  if (cron === null) return monitor.frequencyMs;
  const nextMs = nextOccurrence(cron, dueMs);
  return nextMs === null ? 0 : nextMs - dueMs;
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** A Monday noon, Unix ms: two occurrences after it tell how far those of a cron schedule are apart. */
const sampleMs = Date.UTC(2024, 0, 1, 12);

/**
 * Grace of a schedule that names none where people set it up: 10 % of the time between two beats, at most an hour; at
 * least 2 s, and for cron, which knows only minutes, at least one. It is the same whenever it is asked for: what is set up
 * again in the evening must not differ from what was set up in the morning.
 */
export function defaultGraceMs(monitor: Scheduled, nextOccurrence: NextOccurrence): number {
  const { cron } = monitor.config;
  const dueMs = nextDueMs(monitor, sampleMs, nextOccurrence) ?? sampleMs;
  const tenthMs = Math.round(cadenceMs(monitor, dueMs, nextOccurrence) / 10_000) * 1_000;
  return Math.min(hourMs, Math.max(cron === null ? 2_000 : minuteMs, tenthMs));
}
