import type { Decision, DecisionContext, NoticeDraft } from '../decision.ts';
import { onlyState } from '../decision.ts';
import { makeNotice } from '../make-notice.ts';
import type { Monitor, OpenIncident } from '../monitor.ts';
import { progressOf } from '../progress.ts';
import type { AlertProgress, OpenAlert, ToldChannel } from './alert-progress.ts';
import { steadyMs } from './flapping.ts';
import { type PlannedChannel, planFor, quietUntilMs, silencedUntilMs, subjectOf } from './plan.ts';

/**
 * Tells every channel whose time has come what the open alert is (that the monitor is down; or that it flaps, whether it is down
 * at the moment or not), and notes when the next one's will.
 */
export function tellDue(monitor: Monitor, before: AlertProgress, context: DecisionContext): Decision {
  const { nowMs, rules } = context;
  const open = withoutFuture(before.open!, context);
  const { flapping } = before;
  const silencedMs = silencedUntilMs(monitor, context);
  const laterMs = quietUntilMs(monitor, context);
  const told = new Map(open.told.map((each) => [each.channel, each]));
  const notices: NoticeDraft[] = [];
  let nextMs = flapping ? flapping.flipMs + steadyMs : Infinity;
  for (const planned of planFor(subjectOf(monitor), rules)) {
    const { channel } = planned;
    const known = told.get(channel);
    const isFirst = known === undefined ? planned.afterMs === 0 : known.said !== saidOf(flapping);
    const quietMs = isFirst ? silencedMs : laterMs;
    const isQuiet = quietMs !== null && (isFirst || known === undefined || planned.refreshMs === null);
    let dueMs = dueOf(planned, known, { open, flapping });
    if (dueMs <= nowMs && !isQuiet) {
      const next = toldNow(channel, known, { flapping, nowMs });
      notices.push({
        id: context.newId(),
        channel,
        notice: noticeOf(monitor, { open, flapping, known, next, nowMs }),
        onlyIfIdle: next.reminders > 0,
      });
      told.set(channel, next);
      dueMs = dueOf(planned, next, { open, flapping });
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

/** The monitor with another alert; none at all when it has nothing to say. */
export function withAlert(monitor: Monitor, alert: AlertProgress): Monitor {
  const isNone = alert.open === null && alert.flapping === null && alert.downs.length === 0;
  return { ...monitor, progress: progressOf(monitor.progress, { alert: isNone ? null : alert }) };
}

type Alert = { open: OpenAlert; flapping: AlertProgress['flapping'] };

function saidOf(flapping: AlertProgress['flapping']): ToldChannel['said'] {
  return flapping ? 'flapping' : 'down';
}

/** When a channel is told next, Unix ms; Infinity: it is not. */
function dueOf(planned: PlannedChannel, known: ToldChannel | undefined, { open, flapping }: Alert): number {
  const { ack, sinceMs } = open;
  if (!known) return ack ? Infinity : sinceMs + planned.afterMs;
  // It heard that the monitor flaps, and is to hear what that came to.
  if (!flapping && known.said === 'flapping') return ack ? Infinity : sinceMs;
  // Counted from when it was told: after an outage of ours there is one, not one for each that was slept through.
  const everyMs = planned.refreshMs ?? (ack || flapping ? null : planned.reminderMs);
  return everyMs === null ? Infinity : known.lastMs + everyMs;
}

function toldNow(
  channel: string,
  known: ToldChannel | undefined,
  { flapping, nowMs }: { flapping: AlertProgress['flapping']; nowMs: number },
): ToldChannel {
  const said = saidOf(flapping);
  const reminders = known?.said === said ? known.reminders + 1 : 0;
  return { channel, said, atMs: known?.atMs ?? nowMs, lastMs: nowMs, reminders };
}

type Telling = Alert & { known: ToldChannel | undefined; next: ToldChannel; nowMs: number };

function noticeOf(monitor: Monitor, { open, flapping, known, next, nowMs }: Telling) {
  const { blind, heldBy } = open;
  const now = monitor.incident;
  const incident: OpenIncident = { message: now?.message ?? '', exitCode: now?.exitCode ?? null, ...open.incident };
  const repeat = next.reminders;
  if (flapping) {
    return makeNotice('flapping', { monitor, incident, atMs: nowMs }, { blind, flaps: flapping.flaps, repeat });
  }
  const flaps = known?.said === 'flapping' ? open.flaps : 0;
  // Receivers know it by the first incident; what is told of it is how it is now.
  const about = { monitor, incident: { ...now!, id: incident.id }, atMs: nowMs };
  return makeNotice('down', about, { repeat, blind, heldBy, flaps });
}

/** Times that lie ahead are of a clock that was set back: they count as now. Channels that are gone were never told. */
function withoutFuture(open: OpenAlert, { nowMs, rules }: DecisionContext): OpenAlert {
  const isFuture = open.sinceMs > nowMs || open.told.some(({ lastMs }) => lastMs > nowMs);
  const isGone = open.told.some(({ channel }) => !rules.channels.has(channel));
  if (!isFuture && !isGone) return open;
  const told = open.told
    .filter(({ channel }) => rules.channels.has(channel))
    .map((each) => ({ ...each, lastMs: Math.min(each.lastMs, nowMs) }));
  return { ...open, sinceMs: Math.min(open.sinceMs, nowMs), told };
}
