import type { DecisionContext } from './decision.ts';
import type { Monitor } from './monitor.ts';
import { nextDueMs } from './schedule.ts';

/** The next beat is due as the schedule says after `fromMs` (Unix ms); a new deadline has no hold yet. */
export function awaitNext(
  monitor: Monitor,
  fromMs: number,
  { nextOccurrence }: Pick<DecisionContext, 'nextOccurrence'>,
): Monitor {
  const dueMs = nextDueMs(monitor, fromMs, nextOccurrence);
  return { ...monitor, dueMs, deadlineMs: dueMs === null ? null : dueMs + monitor.graceMs, hold: null };
}
