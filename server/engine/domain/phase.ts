import { alertMs } from './blind-time.ts';
import type { DecisionContext } from './decision.ts';
import type { Monitor } from './monitor.ts';

/** A monitor's status as people see it: `late` is past due, but within the grace or held after blind time. */
export type Phase = 'new' | 'up' | 'late' | 'down';

export function phaseAt(monitor: Monitor, nowMs: number): Phase {
  return monitor.status === 'up' && monitor.dueMs !== null && nowMs > monitor.dueMs ? 'late' : monitor.status;
}

/**
 * When the engine must look at the monitor again, Unix ms: its deadline (or the end of its hold), or the next repeat of
 * its alert. Null: only a beat changes it.
 */
export function wakeMs(monitor: Monitor, context: Pick<DecisionContext, 'blinds' | 'policy'>): number | null {
  return monitor.status === 'down' ? monitor.repeatMs : alertMs(monitor, context);
}
