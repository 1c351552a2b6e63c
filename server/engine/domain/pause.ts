import { dropAlert } from './alerting/tell.ts';
import { awaitNext } from './await-next.ts';
import type { Decision, DecisionContext } from './decision.ts';
import { onlyState } from './decision.ts';
import { namesHolder } from './held-alert.ts';
import type { Monitor } from './monitor.ts';
import { noProgress, progressOf } from './progress.ts';

/**
 * Nothing is awaited of the monitor, and nothing is said about it (but that its alert is over), until `untilMs` (Unix ms; null: open), or until the next
 * ping if `untilPing`. An open incident ends; open runs are forgotten. A monitor that is paused already is paused anew.
 */
export function beginPause(
  monitor: Monitor,
  { untilMs, untilPing }: { untilMs: number | null; untilPing: boolean },
  context: Pick<DecisionContext, 'nowMs' | 'newId' | 'rules'>,
): Decision {
  const { nowMs } = context;
  const before = monitor.progress.pause;
  const pause = { sinceMs: before?.sinceMs ?? nowMs, untilMs, untilPing };
  const paused: Monitor = {
    ...monitor,
    status: 'paused',
    dueMs: null,
    deadlineMs: null,
    hold: null,
    incident: null,
    progress: { ...noProgress, pause },
  };
  const { incident, progress } = monitor;
  return {
    ...onlyState(paused),
    incidents: incident
      ? [{ ...incident, endedMs: Math.max(nowMs, incident.startedMs), heldBy: namesHolder(progress.held) }]
      : [],
    pauses: before ? [] : [{ fromMs: nowMs, toMs: null }],
    notices: dropAlert(monitor, 'it was paused', context),
  };
}

/**
 * The pause ended at `atMs` (Unix ms), or when it was to end, if that was before. The monitor is new again: neither up nor down until it is heard from, which it must
 * be within its schedule from then on, unless it never was.
 */
export function endPause(monitor: Monitor, atMs: number, context: DecisionContext): Decision {
  const { pause } = monitor.progress;
  if (!pause) return onlyState(monitor);
  const resumed: Monitor = { ...monitor, status: 'new', progress: progressOf(monitor.progress, { pause: null }) };
  const endMs = Math.min(atMs, pause.untilMs ?? atMs);
  return {
    ...onlyState(monitor.firstBeatMs === null ? resumed : awaitNext(resumed, endMs, context)),
    pauses: [{ fromMs: pause.sinceMs, toMs: Math.max(endMs, pause.sinceMs) }],
  };
}
