import type { CronSchedule, NextOccurrence } from './schedule.ts';

/**
 * A time in which silence is expected: from `fromMs` (Unix ms, inclusive) to `toMs` (exclusive), or `durationMs` of real
 * time from each occurrence of a cron schedule. One that has no length covers nothing.
 */
export type MaintenanceWindow =
  | { kind: 'once'; fromMs: number; toMs: number }
  | { kind: 'recurring'; cron: CronSchedule; durationMs: number };

/** From `fromMs` (inclusive) to `toMs` (exclusive), Unix ms. */
export type MaintenanceSpan = { fromMs: number; toMs: number };

/** Once a call has joined so many windows to the first, it looks for no more. */
export const maxJoinedWindows = 100;

/**
 * The first time of maintenance in a range, whose ends both belong to it (so a moment is the range from itself to itself);
 * null when there is none.
 *
 * `fromMs` is the start of the first window that reaches into the range; earlier ones that lead up to it do not count.
 * `toMs` is the end of the last window that follows without a gap: one that begins where another ends leaves none, and
 * `toMs` may lie past the range. The work is bounded by `maxJoinedWindows`, also for windows longer than their period,
 * which never end: where more follow, `toMs` is how far this call came, and asking about that moment leads on.
 */
export function maintenanceOverlap(
  windows: readonly MaintenanceWindow[],
  range: { fromMs: number; toMs: number },
  nextOccurrence: NextOccurrence,
): MaintenanceSpan | null {
  let found: MaintenanceSpan | null = null;
  for (const window of windows) {
    const span = firstEndingAfter(window, range.fromMs, nextOccurrence);
    if (span && span.fromMs <= range.toMs && (!found || span.fromMs < found.fromMs)) found = span;
  }
  if (!found) return null;
  const { fromMs } = found;
  let { toMs } = found;
  for (let joined = 0; joined < maxJoinedWindows; ) {
    const endMs = toMs;
    for (const window of windows) {
      const span = firstEndingAfter(window, toMs, nextOccurrence);
      if (!span || span.fromMs > toMs) continue;
      toMs = span.toMs;
      joined++;
    }
    if (toMs === endMs) break;
  }
  return { fromMs, toMs };
}

/** The first time that a window covers and that ends after a moment. */
function firstEndingAfter(
  window: MaintenanceWindow,
  momentMs: number,
  nextOccurrence: NextOccurrence,
): MaintenanceSpan | null {
  if (window.kind === 'once') {
    const { fromMs, toMs } = window;
    return toMs > momentMs && toMs > fromMs ? { fromMs, toMs } : null;
  }
  const { cron, durationMs } = window;
  const fromMs = durationMs > 0 ? nextOccurrence(cron, momentMs - durationMs) : null;
  return fromMs === null ? null : { fromMs, toMs: fromMs + durationMs };
}
