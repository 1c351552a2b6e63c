import { alertMs } from './blind-time.ts';
import type { DecisionContext } from './decision.ts';
import type { Monitor } from './monitor.ts';
import { noProgress } from './progress.ts';

/**
 * A monitor's status as people see it: `late` is past due, but within the grace, held after blind time, or excused; it ends
 * with a beat or with going down.
 */
export type Phase = 'new' | 'up' | 'late' | 'down' | 'paused';

/** How often a held alert is looked at again, ms. */
export const heldLookMs = 5_000;

export function phaseAt({ status, dueMs, progress }: Monitor, nowMs: number): Phase {
  if (status === 'down' || status === 'paused') return status;
  return progress.silent || (dueMs !== null && nowMs > dueMs) ? 'late' : status;
}

type Now = Pick<DecisionContext, 'blinds' | 'policy' | 'nextOccurrence' | 'nowMs'>;

/**
 * When the engine must look at the monitor again, Unix ms: its deadline (or the end of its hold), the end of a run or a
 * pause, when somebody is told next, or the next look at why it is held. Null: only a beat changes it.
 */
export function wakeMs(monitor: Monitor, context: Now): number | null {
  const { progress } = monitor;
  // Of nearly every monitor: no run is open.
  const limits = progress.runs.length === 0 ? noLimits : progress.runs.map(({ limitMs }) => limitMs);
  switch (monitor.status) {
    case 'paused':
      return progress.pause?.untilMs ?? null;
    case 'down':
      return earliest(
        // What is held is not told of, whatever was told before.
        progress.held === null ? (progress.alert?.nextMs ?? null) : context.nowMs + heldLookMs,
        // Oks count as in a row only while they come in time.
        progress.oks === 0 ? null : alertMs(monitor, context),
        ...limits,
      );
    default:
      if (limits.length === 0 && progress.alert === null) return alertMs(monitor, context);
      return earliest(alertMs(monitor, context), progress.alert?.nextMs ?? null, ...limits);
  }
}

/** The same as far as the stored state tells: never later, so that a server that starts looks in time. */
export function storedWakeMs(monitor: Monitor): number | null {
  const { status, progress, hold, deadlineMs } = monitor;
  if (status === 'paused') return progress.pause?.untilMs ?? null;
  const awaitedMs = hold?.untilMs ?? deadlineMs;
  if (progress === noProgress) return status === 'down' ? null : awaitedMs;
  const limits = progress.runs.map(({ limitMs }) => limitMs);
  const tellMs = progress.alert?.nextMs ?? null;
  if (status !== 'down') return earliest(awaitedMs, tellMs, ...limits);
  return earliest(tellMs, progress.held === null ? null : 0, progress.oks === 0 ? null : awaitedMs, ...limits);
}

const noLimits: readonly null[] = [];

function earliest(...times: (number | null)[]): number | null {
  let found: number | null = null;
  for (const time of times) if (time !== null && (found === null || time < found)) found = time;
  return found;
}
