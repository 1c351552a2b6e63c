import { raiseAlert } from './alerting/tell.ts';
import type { Decision, DecisionContext } from './decision.ts';
import { onlyState } from './decision.ts';
import { holderOf, namesHolder } from './held-alert.ts';
import type { BlindInterval, IncidentReason, Monitor } from './monitor.ts';
import { progressOf } from './progress.ts';

/** Something that counts against a monitor. */
export type Failure = {
  reason: IncidentReason;
  /** When it is dated, Unix ms. */
  atMs: number;
  message: string;
  exitCode: number | null;
  /** The server was not listening when what would have prevented it could have come. */
  blind?: BlindInterval | null;
};

/** One more failure in a row: the monitor goes down when there have been as many as its threshold says. */
export function countFailure(monitor: Monitor, failure: Failure, context: DecisionContext): Decision {
  const { config, progress, status } = monitor;
  if (status === 'down') {
    return onlyState(progress.oks === 0 ? monitor : { ...monitor, progress: progressOf(progress, { oks: 0 }) });
  }
  const failures = progress.failures + 1;
  if (failures >= config.failuresToAlert) return goDown(monitor, failure, context);
  return onlyState({ ...monitor, progress: progressOf(progress, { failures }) });
}

/**
 * The flip: an incident opens, dated at the failure whenever it was noticed, and the alert goes out, unless one that the
 * monitor depends on is down.
 */
export function goDown(
  monitor: Monitor,
  { reason, atMs, message, exitCode, blind = monitor.hold?.blind ?? null }: Failure,
  context: DecisionContext,
): Decision {
  const incident = { id: context.newId(), startedMs: atMs, reason, message, exitCode };
  const held = holderOf(monitor, atMs, context);
  const down: Monitor = {
    ...monitor,
    status: 'down',
    // One that never got through its first run was down all the same.
    firstBeatMs: monitor.firstBeatMs ?? atMs,
    incident,
    progress: progressOf(monitor.progress, { failures: 0, oks: 0, silent: false, held }),
  };
  const incidents = [{ ...incident, endedMs: null, heldBy: namesHolder(held) }];
  if (held !== null) return { ...onlyState(down), incidents };
  return { ...raiseAlert(down, { blind, heldBy: '' }, context), incidents };
}
