import type { DecisionContext } from './decision.ts';
import type { BlindInterval, Monitor } from './monitor.ts';
import { cadenceMs } from './schedule.ts';

type Awaiting = Pick<Monitor, 'dueMs' | 'deadlineMs' | 'frequencyMs' | 'config' | 'hold'>;
type Seen = Pick<DecisionContext, 'blinds' | 'policy' | 'nextOccurrence'>;

/**
 * The one hold that a deadline gets when the server was not listening while the beat could have come: from 10 % of the
 * period before it was due until the deadline. It lasts one period from the end of the blind time, at most
 * `blindHoldMaxMs`. A hold that was already given stays as it is: a server that restarts in a loop must not put off the
 * alert forever. Null when the deadline stands.
 */
export function holdFor(monitor: Awaiting, context: Seen): Monitor['hold'] {
  if (monitor.hold) return monitor.hold;
  const { dueMs, deadlineMs } = monitor;
  if (dueMs === null || deadlineMs === null || context.blinds.length === 0) return null;
  const periodMs = cadenceMs(monitor, dueMs, context.nextOccurrence);
  return holdOver({ fromMs: dueMs - periodMs / 10, toMs: deadlineMs }, periodMs, context);
}

/** The hold of a time limit at `range.toMs` whose evidence could have come within `range`; null when it stands. */
export function holdOver(range: BlindInterval, periodMs: number, context: Seen): Monitor['hold'] {
  const blind = context.blinds.findLast(({ fromMs, toMs }) => toMs >= range.fromMs && fromMs <= range.toMs);
  if (!blind) return null;
  const untilMs = blind.toMs + Math.min(periodMs, context.policy.blindHoldMaxMs);
  return untilMs > range.toMs ? { untilMs, blind } : null;
}

/** When silence becomes an alert: the deadline, or the end of its hold. Null when nothing is awaited. */
export function alertMs(monitor: Awaiting, context: Seen): number | null {
  if (monitor.deadlineMs === null) return null;
  return holdFor(monitor, context)?.untilMs ?? monitor.deadlineMs;
}
