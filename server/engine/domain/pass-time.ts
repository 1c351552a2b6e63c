import { passNext } from './apply-silence.ts';
import { type Decision, type DecisionContext, joined, onlyState } from './decision.ts';
import type { Monitor } from './monitor.ts';

/**
 * Steps that are made up for at once. A hundred misses and a hundred runs need fewer; more can only be maintenance after
 * maintenance, which nobody is told of.
 */
const stepsMax = 1_000;

/**
 * All that came due up to `untilMs` (Unix ms, inclusive) and that the wheel has not got round to: an event that comes
 * after it finds the monitor as if the wheel had.
 */
export function passTime(monitor: Monitor, untilMs: number, context: DecisionContext): Decision {
  let decision = onlyState(monitor);
  for (let step = 0; step < stepsMax; step++) {
    const next = passNext(decision.monitor, untilMs, context);
    if (next === null) break;
    decision = joined(decision, next);
  }
  return decision;
}
