import type { BeatRecord, Monitor } from '../../engine/domain/monitor.ts';
import type { Change } from '../store.ts';

/**
 * The beat that alone explains a monitor's new state, if there is one: an `ok` after which the monitor is up, was last
 * heard from at the beat's time, and awaits the next one frequency later, with nothing else about it (no incident, no
 * hold, no alert). Such a change need not be written to the monitor's row at once: the beat in the journal is enough to
 * make it again (`MonitorTable.move`). Null when the row must be written.
 */
export function movedByBeat({ monitor, remove, beats, incidents, deliveries }: Change): BeatRecord | null {
  if (remove || monitor.id === 0 || incidents.length > 0 || deliveries.length > 0) return null;
  if (monitor.status !== 'up' || monitor.hold || monitor.incident || monitor.repeatMs !== null) return null;
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
    a.lastBeatMs === b.lastBeatMs &&
    a.dueMs === b.dueMs &&
    a.deadlineMs === b.deadlineMs &&
    a.hold?.untilMs === b.hold?.untilMs &&
    a.incident?.id === b.incident?.id &&
    a.repeatMs === b.repeatMs &&
    a.repeats === b.repeats
  );
}
