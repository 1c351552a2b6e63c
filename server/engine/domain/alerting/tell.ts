import type { Decision, DecisionContext, NoticeDraft } from '../decision.ts';
import { onlyState } from '../decision.ts';
import { makeNotice } from '../make-notice.ts';
import type { BlindInterval, Monitor, OpenIncident } from '../monitor.ts';
import type { Notice } from '../notice.ts';
import { progressOf } from '../progress.ts';
import type { AlertProgress, OpenAlert, ToldChannel } from './alert-progress.ts';
import { steadyMs, withDown } from './flapping.ts';
import { type PlannedChannel, planFor, quietUntilMs, silencedUntilMs, subjectOf } from './plan.ts';

/**
 * A monitor that is down is to be told of, from now on. One that flaps is not: that it does was told, and what it comes to will
 * be. `about`: what was so when it went down.
 */
export function raiseAlert(
  monitor: Monitor,
  about: { blind: BlindInterval | null; heldBy: string },
  context: DecisionContext,
): Decision {
  const { nowMs } = context;
  const { flapDowns } = context.rules;
  const incident = monitor.incident!;
  const before = monitor.progress.alert;
  if (before?.flapping) {
    const flapping = { flipMs: nowMs, flaps: before.flapping.flaps + 1 };
    const open = before.open && { ...before.open, ack: null };
    return onlyState(withAlert(monitor, { ...before, open, flapping, nextMs: nowMs + steadyMs }));
  }
  const downs = flapDowns === null ? [] : withDown(before?.downs ?? [], nowMs, flapDowns);
  const open: OpenAlert = { toldAs: incident.id, sinceMs: nowMs, told: [], ack: null, ...about };
  if (flapDowns !== null && downs.length >= flapDowns) return beginFlapping(monitor, { open, downs }, context);
  return tellDue(monitor, { open, downs, flapping: null, nextMs: null }, context);
}

/** What time brings an alert: its first notice, a step of its route, a reminder, the end of flapping. Null when nothing changes. */
export function continueAlert(monitor: Monitor, context: DecisionContext): Decision | null {
  const { alert } = monitor.progress;
  if (alert === null) return null;
  if (alert.flapping) return alert.flapping.flipMs + steadyMs <= context.nowMs ? beSteady(monitor, context) : null;
  if (alert.open === null || monitor.incident === null) return null;
  const decision = tellDue(monitor, alert, context);
  if (decision.notices.length > 0) return decision;
  const nextMs = decision.monitor.progress.alert?.nextMs ?? null;
  if (nextMs === alert.nextMs) return null;
  // Later than was noted, because of maintenance meanwhile: to be found when it wakes.
  const isLater = nextMs !== null && alert.nextMs !== null && nextMs > alert.nextMs && alert.nextMs > context.nowMs;
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
  if (alert.flapping) {
    const flapping = { ...alert.flapping, flipMs: nowMs };
    return onlyState(withAlert(after, { ...alert, flapping, nextMs: nowMs + steadyMs }));
  }
  const { open } = alert;
  const closed = withAlert(after, { ...alert, open: null, nextMs: null });
  if (open === null) return onlyState(closed);
  const notice = makeNotice(
    'up',
    { monitor: after, incident: { ...incident, id: open.toldAs }, atMs: nowMs },
    { recoveredMs, message, blind },
  );
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
  const incident = monitor.incident ?? lastIncident(open);
  const about = { monitor, incident: { ...incident, id: open.toldAs }, atMs: context.nowMs };
  return toTold(monitor, { open, notice: makeNotice('closed', about, { message: why }) }, context);
}

/** Tells every channel whose time has come, and notes when the next one's will. */
function tellDue(monitor: Monitor, before: AlertProgress, context: DecisionContext, flaps = 0): Decision {
  const { nowMs, rules } = context;
  const open = before.open!;
  const silencedMs = silencedUntilMs(monitor, context);
  const laterMs = quietUntilMs(monitor, context);
  const told = new Map(open.told.map((each) => [each.channel, each]));
  const notices: NoticeDraft[] = [];
  let nextMs = Infinity;
  for (const planned of planFor(subjectOf(monitor), rules)) {
    const known = told.get(planned.channel);
    const quietMs = known === undefined && planned.afterMs === 0 ? silencedMs : laterMs;
    const isQuiet = quietMs !== null && (known === undefined || planned.refreshMs === null);
    let dueMs = dueOf(planned, known, open);
    if (dueMs <= nowMs && !isQuiet) {
      const reminders = known ? known.reminders + 1 : 0;
      const next: ToldChannel = { channel: planned.channel, atMs: known?.atMs ?? nowMs, lastMs: nowMs, reminders };
      told.set(planned.channel, next);
      const incident = { ...monitor.incident!, id: open.toldAs };
      const { blind, heldBy } = open;
      const about = { monitor, incident, atMs: nowMs };
      const notice = makeNotice('down', about, { repeat: reminders, blind, heldBy, flaps });
      notices.push({ id: context.newId(), channel: planned.channel, notice, onlyIfIdle: known !== undefined });
      dueMs = dueOf(planned, next, open);
    }
    nextMs = Math.min(nextMs, isQuiet ? Math.max(dueMs, quietMs) : dueMs);
  }
  const alert = {
    ...before,
    open: notices.length === 0 ? open : { ...open, told: [...told.values()] },
    nextMs: nextMs === Infinity ? null : nextMs,
  };
  return { ...onlyState(withAlert(monitor, alert)), notices };
}

/** When a channel is told next, Unix ms; Infinity: it is not. */
function dueOf(planned: PlannedChannel, known: ToldChannel | undefined, { ack, sinceMs }: OpenAlert): number {
  if (!known) return ack ? Infinity : sinceMs + planned.afterMs;
  // Counted from when it was told: after an outage of ours there is one, not one for each that was slept through.
  const everyMs = planned.refreshMs ?? (ack ? null : planned.reminderMs);
  return everyMs === null ? Infinity : known.lastMs + everyMs;
}

/** Said once, to those who would have been told at once. */
function beginFlapping(
  monitor: Monitor,
  { open, downs }: { open: OpenAlert; downs: readonly number[] },
  context: DecisionContext,
): Decision {
  const { nowMs, rules } = context;
  const about = { monitor, incident: monitor.incident!, atMs: nowMs };
  const notice = makeNotice('flapping', about, { blind: open.blind, flaps: downs.length });
  const channels =
    silencedUntilMs(monitor, context) === null
      ? planFor(subjectOf(monitor), rules).filter(({ afterMs }) => afterMs === 0)
      : [];
  const told = channels.map(({ channel }) => ({ channel, atMs: nowMs, lastMs: nowMs, reminders: 0 }));
  const flapping = { flipMs: nowMs, flaps: downs.length };
  const alert = { open: { ...open, told }, downs: [], flapping, nextMs: nowMs + steadyMs };
  const notices = told.map(({ channel }) => ({ id: context.newId(), channel, notice, onlyIfIdle: false }));
  return { ...onlyState(withAlert(monitor, alert)), notices };
}

/** It has not flipped for long enough: whoever heard that it flaps hears what it is. */
function beSteady(monitor: Monitor, context: DecisionContext): Decision {
  const { nowMs } = context;
  const { open, flapping } = monitor.progress.alert!;
  const { flaps, flipMs } = flapping!;
  const quiet: AlertProgress = { open: null, downs: [], flapping: null, nextMs: null };
  if (monitor.incident !== null) {
    // Those who heard that it flaps are told first, as if of an alert that is raised now.
    const anew: OpenAlert = { ...(open ?? openedBy(monitor.incident)), sinceMs: nowMs, told: [] };
    return tellDue(monitor, { ...quiet, open: anew }, context, flaps);
  }
  const steady = withAlert(monitor, null);
  if (open === null) return onlyState(steady);
  const about = { monitor, incident: lastIncident(open), atMs: nowMs };
  const notice = makeNotice('up', about, { recoveredMs: flipMs, flaps });
  return { ...onlyState(steady), notices: toTold(monitor, { open, notice }, context) };
}

/** Drafts for every channel that was told, unless its route says that recoveries are not. */
function toTold(
  monitor: Monitor,
  { open, notice }: { open: OpenAlert; notice: Notice },
  { rules, newId }: Pick<DecisionContext, 'rules' | 'newId'>,
): NoticeDraft[] {
  if (open.told.length === 0) return [];
  const plan = planFor(subjectOf(monitor), rules);
  return open.told.flatMap(({ channel }) => {
    const isWanted = plan.find((each) => each.channel === channel)?.recovery ?? true;
    return isWanted ? [{ id: newId(), channel, notice, onlyIfIdle: false }] : [];
  });
}

/** As far as the alert knows it: a monitor that flaps may be up. */
function lastIncident({ toldAs, sinceMs }: OpenAlert): OpenIncident {
  return { id: toldAs, startedMs: sinceMs, reason: 'missed', message: '', exitCode: null };
}

function openedBy(incident: OpenIncident): Omit<OpenAlert, 'sinceMs' | 'told'> {
  return { toldAs: incident.id, ack: null, blind: null, heldBy: '' };
}

function withAlert(monitor: Monitor, alert: AlertProgress | null): Monitor {
  const isNone = alert === null || (alert.open === null && alert.flapping === null && alert.downs.length === 0);
  return { ...monitor, progress: progressOf(monitor.progress, { alert: isNone ? null : alert }) };
}
