import { holdOver } from './blind-time.ts';
import type { Decision, DecisionContext } from './decision.ts';
import { onlyState } from './decision.ts';
import { formatDuration } from './duration.ts';
import { maintenanceOver } from './excuse.ts';
import { countFailure } from './go-down.ts';
import type { Monitor } from './monitor.ts';
import { type OpenRun, progressOf } from './progress.ts';

/**
 * The first run that had taken too long at `untilMs` (Unix ms) ends as a failure, dated at its limit; null when none has. As
 * a deadline does, a limit gets one hold when the server was not listening just before it, and is excused in maintenance.
 */
export function overrun(monitor: Monitor, untilMs: number, context: DecisionContext): Decision | null {
  const { config, progress } = monitor;
  let run: OpenRun | undefined;
  for (const each of progress.runs) {
    if (each.limitMs !== null && each.limitMs <= untilMs && each.limitMs < (run?.limitMs ?? Infinity)) run = each;
  }
  if (!run || run.limitMs === null) return null;
  const limitMs = run.limitMs;
  const ownMs = config.maxRunMs ?? limitMs - run.startedMs;
  const hold = run.blind ? null : holdOver({ fromMs: limitMs - ownMs / 10, toMs: limitMs }, ownMs, context);
  if (hold) {
    const held = { ...run, limitMs: hold.untilMs, blind: hold.blind };
    const runs = progress.runs.map((each) => (each === run ? held : each));
    return onlyState({ ...monitor, progress: progressOf(progress, { runs }) });
  }
  const without = {
    ...monitor,
    // Its end may still come, and must not be taken for a run that begins too soon after it.
    progress: progressOf(progress, {
      runs: progress.runs.filter((each) => each !== run),
      begunMs: progress.begunMs === run.startedMs ? null : progress.begunMs,
    }),
  };
  if (maintenanceOver(monitor, { fromMs: run.startedMs, toMs: limitMs }, context)) return onlyState(without);
  const message = `the run ${run.id === '' ? '' : `${run.id} `}took longer than ${formatDuration(ownMs)}`;
  const failure = { reason: 'overran' as const, atMs: limitMs, message, exitCode: null, blind: run.blind };
  const decision = countFailure(without, failure, context);
  return { ...decision, beats: [failedRun(run, { limitMs, message, nowMs: context.nowMs })] };
}

/** The failure as history shows it. */
function failedRun(run: OpenRun, { limitMs, message, nowMs }: { limitMs: number; message: string; nowMs: number }) {
  return {
    status: 'fail' as const,
    atMs: limitMs,
    receivedMs: nowMs,
    message,
    body: null,
    durationMs: limitMs - run.startedMs,
    exitCode: null,
    run: run.id,
    beatId: '',
    address: '',
    userAgent: '',
  };
}
