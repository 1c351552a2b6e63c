import { alertMs, holdFor } from './blind-time.ts';
import type { Decision, DecisionContext } from './decision.ts';
import { makeNotice } from './make-notice.ts';
import type { Monitor } from './monitor.ts';

/**
 * What time alone does to a monitor at `context.nowMs`: it goes down when its deadline (or hold) has passed, gets its
 * hold when the server was not listening, or has its alert repeated. Null when nothing is to be done, as when the wheel
 * fired for a deadline that has moved since.
 */
export function applySilence(monitor: Monitor, context: DecisionContext): Decision | null {
  if (monitor.status === 'down') return repeatAlert(monitor, context);
  if (monitor.deadlineMs === null || monitor.deadlineMs > context.nowMs) return null;
  const hold = holdFor(monitor, context);
  const flipMs = hold?.untilMs ?? monitor.deadlineMs;
  if (flipMs <= context.nowMs) return goDown(monitor, context);
  if (monitor.hold) return null;
  return { monitor: { ...monitor, hold }, beats: [], incidents: [], notices: [] };
}

/** The miss of the current deadline, dated at the deadline or at the end of its hold, whenever it was noticed. */
export function goDown(monitor: Monitor, context: DecisionContext): Decision {
  const startedMs = alertMs(monitor, context);
  if (startedMs === null) throw new Error('a monitor that awaits nothing cannot miss');
  const incident = { id: context.newId(), startedMs, reason: 'missed' as const };
  const down: Monitor = {
    ...monitor,
    status: 'down',
    hold: holdFor(monitor, context),
    incident,
    repeatMs: context.policy.alertRepeatMs === null ? null : context.nowMs + context.policy.alertRepeatMs,
    repeats: 0,
  };
  const notice = makeNotice('down', { monitor: down, incident, atMs: context.nowMs });
  return {
    monitor: down,
    beats: [],
    incidents: [{ ...incident, endedMs: null }],
    notices: [{ id: context.newId(), notice, onlyIfIdle: false }],
  };
}

function repeatAlert(monitor: Monitor, context: DecisionContext): Decision | null {
  const { repeatMs, incident } = monitor;
  if (repeatMs === null || incident === null || repeatMs > context.nowMs) return null;
  const { alertRepeatMs } = context.policy;
  if (alertRepeatMs === null) {
    // Repeats were switched off while the incident was open.
    return { monitor: { ...monitor, repeatMs: null }, beats: [], incidents: [], notices: [] };
  }
  // Counted from now: after an outage of ours there is one repeat, not one for each that was slept through.
  const next: Monitor = { ...monitor, repeatMs: context.nowMs + alertRepeatMs, repeats: monitor.repeats + 1 };
  const notice = makeNotice('down', { monitor: next, incident, atMs: context.nowMs }, { repeat: next.repeats });
  return { monitor: next, beats: [], incidents: [], notices: [{ id: context.newId(), notice, onlyIfIdle: true }] };
}
