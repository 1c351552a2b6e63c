import type { Decision, DecisionContext, NoticeDraft } from '../decision.ts';
import { onlyState } from '../decision.ts';
import { makeNotice } from '../make-notice.ts';
import type { BlindInterval, Monitor, OpenIncident } from '../monitor.ts';
import type { Notice } from '../notice.ts';
import { progressOf } from '../progress.ts';
import type { AlertProgress, OpenAlert } from './alert-progress.ts';
import { steadyMs, withDown } from './flapping.ts';
import { planFor, subjectOf } from './plan.ts';
import { tellDue, withAlert } from './tell-due.ts';

/**
 * A monitor that is down is to be told of, from now on. Of one that flaps it is told that it does, once, and in the end what it
 * comes to. `about`: what was so when it went down.
 */
export function raiseAlert(
  monitor: Monitor,
  about: { blind: BlindInterval | null; heldBy: string },
  context: DecisionContext,
): Decision {
  const { nowMs } = context;
  const { flapDowns } = context.rules;
  const before = monitor.progress.alert;
  if (before?.flapping && before.open) {
    if (isSteady(before, nowMs)) return beSteady(monitor, before, context);
    const flapping = { flipMs: nowMs, flaps: before.flapping.flaps + 1 };
    return tellDue(monitor, { ...before, open: { ...before.open, ack: null }, flapping }, context);
  }
  const { id, startedMs, reason } = monitor.incident!;
  const incident = { id, startedMs, reason };
  const open: OpenAlert = { incident, sinceMs: nowMs, told: [], ack: null, ...about, flaps: 0 };
  const downs = flapDowns === null ? [] : withDown(before?.downs ?? [], nowMs, flapDowns);
  const isFlapping = flapDowns !== null && downs.length >= flapDowns;
  const flapping = isFlapping ? { flipMs: nowMs, flaps: downs.length } : null;
  return tellDue(monitor, { open, downs: isFlapping ? [] : downs, flapping, nextMs: null }, context);
}

/** What time brings an alert: its first notice, a step of its route, a reminder, the end of flapping. Null when nothing changes. */
export function continueAlert(monitor: Monitor, context: DecisionContext): Decision | null {
  const { nowMs } = context;
  const { alert, held } = monitor.progress;
  // One that is held is not told of, whatever was told before.
  if (alert === null || alert.open === null || held !== null) return null;
  if (isSteady(alert, nowMs)) return beSteady(monitor, alert, context);
  const decision = tellDue(monitor, alert, context);
  if (decision.notices.length > 0) return decision;
  const nextMs = decision.monitor.progress.alert?.nextMs ?? null;
  if (nextMs === alert.nextMs) return null;
  // Later than was noted, because of maintenance meanwhile: to be found when it wakes.
  const isLater = nextMs !== null && alert.nextMs !== null && nextMs > alert.nextMs && alert.nextMs > nowMs;
  return isLater ? null : decision;
}

/** The incident is over: whoever was told that it was down is told. `after` is the monitor as it is then. */
export function closeAlert(
  after: Monitor,
  { incident, recoveredMs, message, blind }: Recovery,
  context: DecisionContext,
): Decision {
  const { nowMs } = context;
  const { alert } = after.progress;
  if (alert === null) return onlyState(after);
  const { open } = alert;
  if (alert.flapping && open) {
    // What is steady by now was so until this very flip, and it is told so in a while: as anything that flaps.
    return tellDue(after, { ...alert, flapping: { ...alert.flapping, flipMs: nowMs } }, context);
  }
  const closed = withAlert(after, { ...alert, open: null, flapping: null, nextMs: null });
  if (open === null) return onlyState(closed);
  const about = { monitor: after, incident: { ...incident, id: open.incident.id }, atMs: nowMs };
  const notice = makeNotice('up', about, { recoveredMs, message, blind });
  return { ...onlyState(closed), notices: toTold(after, { open, notice }, context) };
}

type Recovery = { incident: OpenIncident; recoveredMs: number; message: string; blind: BlindInterval | null };

/** Nothing is told of the monitor any more: whoever was told that it is down is told `why`, such as "it was paused". */
export function dropAlert(
  monitor: Monitor,
  why: string,
  context: Pick<DecisionContext, 'nowMs' | 'newId' | 'rules'>,
): NoticeDraft[] {
  const open = monitor.progress.alert?.open;
  if (!open) return [];
  const about = { monitor, incident: incidentOf(monitor, open), atMs: context.nowMs };
  return toTold(monitor, { open, notice: makeNotice('closed', about, { message: why }) }, context);
}

/** The open incident as channels know it. */
function incidentOf({ incident }: Pick<Monitor, 'incident'>, open: OpenAlert): OpenIncident {
  return { message: incident?.message ?? '', exitCode: incident?.exitCode ?? null, ...open.incident };
}

function isSteady({ flapping }: AlertProgress, nowMs: number): boolean {
  // A flip that lies ahead is of a clock that was set back.
  return flapping !== null && (flapping.flipMs + steadyMs <= nowMs || flapping.flipMs > nowMs);
}

/** It has not flipped for long enough: whoever heard that it flaps hears what it is. */
function beSteady(monitor: Monitor, { open, flapping }: AlertProgress, context: DecisionContext): Decision {
  const { nowMs } = context;
  const { flaps, flipMs } = flapping!;
  if (monitor.incident !== null) {
    const anew: OpenAlert = { ...open!, sinceMs: nowMs, flaps };
    return tellDue(monitor, { open: anew, downs: [], flapping: null, nextMs: null }, context);
  }
  const about = { monitor, incident: incidentOf(monitor, open!), atMs: nowMs };
  const notice = makeNotice('up', about, { recoveredMs: Math.min(flipMs, nowMs), flaps });
  const steady = { ...monitor, progress: progressOf(monitor.progress, { alert: null }) };
  return { ...onlyState(steady), notices: toTold(monitor, { open: open!, notice }, context) };
}

/** Drafts for every channel that was told; a recovery is not for those whose route does not tell of it. */
function toTold(
  monitor: Monitor,
  { open, notice }: { open: OpenAlert; notice: Notice },
  { rules, newId }: Pick<DecisionContext, 'rules' | 'newId'>,
): NoticeDraft[] {
  if (open.told.length === 0) return [];
  const plan = planFor(subjectOf(monitor), rules);
  return open.told.flatMap(({ channel }) => {
    const isThere = rules.channels.has(channel);
    const isWanted = notice.type === 'closed' || (plan.find((each) => each.channel === channel)?.recovery ?? true);
    return isThere && isWanted ? [{ id: newId(), channel, notice, onlyIfIdle: false }] : [];
  });
}
