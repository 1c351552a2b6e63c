import type { BeatRecord, Monitor } from '../../engine/domain/monitor.ts';
import { noProgress } from '../../engine/domain/progress.ts';
import type { Change } from '../store.ts';

/**
 * The beat that alone explains a monitor's new state, if there is one: an `ok` after which the monitor is up, was last
 * heard from at the beat's time, and awaits the next one frequency later, with nothing else about it (no incident, no
 * hold, no alert, no open run), and not for the first time. That its configuration is what it was is for the caller to
 * see. Such a change need not be written to the monitor's row at once: the beat in the journal is enough to
 * make it again (`MonitorTable.move`). Null when the row must be written.
 */
export function movedByBeat({ monitor, remove, beats, incidents, pauses, deliveries }: Change): BeatRecord | null {
  if (remove || monitor.id === 0 || incidents.length > 0 || deliveries.length > 0 || pauses.length > 0) return null;
  if (monitor.status !== 'up' || monitor.hold || monitor.incident) return null;
  if (monitor.progress !== noProgress || monitor.firstBeatMs === monitor.lastBeatMs) return null;
  const { lastBeatMs, dueMs, deadlineMs, frequencyMs, graceMs } = monitor;
  if (lastBeatMs === null || dueMs !== lastBeatMs + frequencyMs || deadlineMs !== dueMs + graceMs) return null;
  return beats.findLast(({ status, atMs }) => status === 'ok' && atMs === lastBeatMs) ?? null;
}

/** Whether two states of a monitor say the same, versions aside. */
export function sameState(a: Monitor, b: Monitor): boolean {
  return (
    a.status === b.status &&
    a.frequencyMs === b.frequencyMs &&
    a.graceMs === b.graceMs &&
    a.config === b.config &&
    a.firstBeatMs === b.firstBeatMs &&
    a.lastBeatMs === b.lastBeatMs &&
    a.dueMs === b.dueMs &&
    a.deadlineMs === b.deadlineMs &&
    a.hold?.untilMs === b.hold?.untilMs &&
    a.incident?.id === b.incident?.id &&
    a.progress === b.progress
  );
}
