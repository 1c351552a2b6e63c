import type { Decision, DecisionContext } from '../decision.ts';
import { onlyState } from '../decision.ts';
import type { Monitor } from '../monitor.ts';
import { progressOf } from '../progress.ts';
import type { Acknowledgement, OpenAlert } from './alert-progress.ts';
import { continueAlert } from './tell.ts';

/** Whether `id` is that of the open incident, or the one that channels know it by. */
export function isOpenIncident({ incident, progress }: Monitor, id: string): boolean {
  return incident !== null && (incident.id === id || progress.alert?.open?.incident.id === id);
}

/**
 * Somebody cares (`ack`), or does not any more (null: what the acknowledgement kept from being told goes on from now, as if it
 * had taken no time). Null when there is no alert: the monitor is up, or its alert is held and nobody was to be told yet.
 */
export function acknowledge(monitor: Monitor, ack: Acknowledgement | null, context: DecisionContext): Decision | null {
  const { alert } = monitor.progress;
  if (monitor.incident === null || alert === null || alert.open === null) return null;
  const open = ack ? { ...alert.open, ack } : withoutAck(alert.open, context.nowMs);
  const next = { ...monitor, progress: progressOf(monitor.progress, { alert: { ...alert, open } }) };
  return continueAlert(next, context) ?? onlyState(next);
}

function withoutAck(open: OpenAlert, nowMs: number): OpenAlert {
  const tookMs = Math.max(0, nowMs - (open.ack?.atMs ?? nowMs));
  const told = open.told.map((each) => ({ ...each, lastMs: Math.min(nowMs, each.lastMs + tookMs) }));
  return { ...open, ack: null, sinceMs: open.sinceMs + tookMs, told };
}
