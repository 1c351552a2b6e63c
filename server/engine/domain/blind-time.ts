import type { DecisionContext } from './decision.ts';
import type { Monitor } from './monitor.ts';

type Awaiting = Pick<Monitor, 'dueMs' | 'deadlineMs' | 'frequencyMs' | 'hold'>;

/**
 * The one hold that a deadline gets when the server was not listening while the beat could have come: from 10 % of the
 * period before it was due until the deadline. It lasts one period from the end of the blind time, at most
 * `blindHoldMaxMs`. A hold that was already given stays as it is: a server that restarts in a loop must not put off the
 * alert forever. Null when the deadline stands.
 */
export function holdFor(monitor: Awaiting, context: Pick<DecisionContext, 'blinds' | 'policy'>): Monitor['hold'] {
  if (monitor.hold) return monitor.hold;
  const { dueMs, deadlineMs, frequencyMs } = monitor;
  if (dueMs === null || deadlineMs === null) return null;
  const windowFromMs = dueMs - frequencyMs / 10;
  const blind = context.blinds.findLast(({ fromMs, toMs }) => toMs >= windowFromMs && fromMs <= deadlineMs);
  if (!blind) return null;
  const untilMs = blind.toMs + Math.min(frequencyMs, context.policy.blindHoldMaxMs);
  return untilMs > deadlineMs ? { untilMs, blind } : null;
}

/** When silence becomes an alert: the deadline, or the end of its hold. Null when nothing is awaited. */
export function alertMs(monitor: Awaiting, context: Pick<DecisionContext, 'blinds' | 'policy'>): number | null {
  if (monitor.deadlineMs === null) return null;
  return holdFor(monitor, context)?.untilMs ?? monitor.deadlineMs;
}
