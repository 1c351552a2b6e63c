import { continueAlert } from './alerting/tell.ts';
import { awaitNext } from './await-next.ts';
import { alertMs, holdFor } from './blind-time.ts';
import type { Decision, DecisionContext } from './decision.ts';
import { onlyState } from './decision.ts';
import { maintenanceOver } from './excuse.ts';
import { countFailure } from './go-down.ts';
import { reviewHeld } from './held-alert.ts';
import type { Monitor } from './monitor.ts';
import { overrun } from './overrun.ts';
import { endPause } from './pause.ts';
import { noProgress, progressOf } from './progress.ts';

/**
 * What time alone does to a monitor at `context.nowMs`, a step at a time: what `passNext` finds; or a held alert is looked
 * at again, or somebody is to be told. Null when nothing is to be done, as when the wheel fired for a deadline that has
 * moved since.
 */
export function applySilence(monitor: Monitor, context: DecisionContext): Decision | null {
  const passed = passNext(monitor, context.nowMs, context);
  if (passed !== null || monitor.progress === noProgress) return passed;
  return reviewHeld(monitor, context) ?? continueAlert(monitor, context);
}

/**
 * The first thing that came due up to `untilMs` (Unix ms, inclusive): a run overran its limit, a deadline (or its hold)
 * passed, a deadline gets its hold because the server was not listening, a pause ended. Null when nothing did.
 */
export function passNext(monitor: Monitor, untilMs: number, context: DecisionContext): Decision | null {
  switch (monitor.status) {
    case 'paused': {
      const endMs = monitor.progress.pause?.untilMs ?? null;
      return endMs !== null && endMs <= untilMs ? endPause(monitor, endMs, context) : null;
    }
    case 'down':
      return overrun(monitor, untilMs, context) ?? missOnTheWayUp(monitor, untilMs, context);
    default: {
      // Whichever comes first in time is the one that counts, however late both are noticed.
      const firstMs =
        monitor.progress.runs.length === 0 ? untilMs : Math.min(untilMs, alertMs(monitor, context) ?? untilMs);
      return overrun(monitor, firstMs, context) ?? miss(monitor, untilMs, context);
    }
  }
}

function miss(monitor: Monitor, untilMs: number, context: DecisionContext): Decision | null {
  const { dueMs, deadlineMs, graceMs } = monitor;
  if (dueMs === null || deadlineMs === null || deadlineMs > untilMs) return null;
  const hold = holdFor(monitor, context);
  const flipMs = hold?.untilMs ?? deadlineMs;
  const maintenance = maintenanceOver(monitor, { fromMs: dueMs, toMs: flipMs }, context);
  if (maintenance) return onlyState(stillSilent(monitor, Math.max(maintenance.toMs, dueMs), context));
  if (flipMs > untilMs) return monitor.hold ? null : onlyState({ ...monitor, hold });
  const failure = { reason: 'missed' as const, atMs: flipMs, message: '', exitCode: null };
  const decision = countFailure({ ...monitor, hold }, failure, context);
  if (decision.monitor.status === 'down') return decision;
  // From the end of a hold, which would otherwise be given again to every beat that was due within it.
  return onlyState(stillSilent(decision.monitor, Math.max(dueMs, flipMs - graceMs), context));
}

function stillSilent(monitor: Monitor, fromMs: number, context: DecisionContext): Monitor {
  return awaitNext({ ...monitor, progress: progressOf(monitor.progress, { silent: true }) }, fromMs, context);
}

/** Oks count as in a row only while they come in time. */
function missOnTheWayUp(monitor: Monitor, untilMs: number, context: DecisionContext): Decision | null {
  const { deadlineMs, progress } = monitor;
  if (progress.oks === 0 || deadlineMs === null || deadlineMs > untilMs) return null;
  const hold = holdFor(monitor, context);
  if (hold !== null && hold.untilMs > untilMs) return monitor.hold ? null : onlyState({ ...monitor, hold });
  return onlyState({ ...monitor, progress: progressOf(progress, { oks: 0 }) });
}
