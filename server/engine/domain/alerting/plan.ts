import { maintenanceOver } from '../excuse.ts';
import type { Monitor } from '../monitor.ts';
import type { NextOccurrence } from '../schedule.ts';
import type { AlertRules, Route, Silence } from './alert-rules.ts';
import { type Matched, matchesMonitor } from './match-monitor.ts';

/** When one channel hears of an alert. */
export type PlannedChannel = {
  channel: string;
  /** Since the alert was raised. */
  afterMs: number;
  /** Null: no reminders. */
  reminderMs: number | null;
  /** Recoveries are told. */
  recovery: boolean;
  /** Of the channel: see `AlertRules`. */
  refreshMs: number | null;
};

type Subject = Matched & { channels: readonly string[] };

/** What of a monitor says who hears of its alerts. */
export function subjectOf({ name, config }: Pick<Monitor, 'name' | 'config'>): Subject {
  return { name, tags: config.tags, severity: config.severity, channels: config.channels };
}

/**
 * Who hears of an alert of a monitor, and when, in order of time: the channels that it names, at once, and those of the routes
 * that match; when that is nobody, the default channel. A channel that is named more than once keeps to the earliest step
 * and the shortest reminder. Channels that do not exist (any more) count for nothing.
 */
export function planFor(subject: Subject, rules: AlertRules): PlannedChannel[] {
  const planned = new Map<string, PlannedChannel>();
  const add = (channel: string, how: Omit<PlannedChannel, 'channel' | 'refreshMs'>): void => {
    const traits = rules.channels.get(channel);
    if (!traits) return;
    const before = planned.get(channel);
    planned.set(channel, {
      channel,
      afterMs: Math.min(how.afterMs, before?.afterMs ?? Infinity),
      reminderMs: shorter(how.reminderMs, before?.reminderMs ?? null),
      // What a channel keeps open would stay so.
      recovery: how.recovery || (before?.recovery ?? false) || traits.keepsOpen,
      refreshMs: traits.refreshMs,
    });
  };
  const direct = { afterMs: 0, reminderMs: rules.reminderMs, recovery: true };
  for (const channel of subject.channels) add(channel, direct);
  for (const route of routesOf(subject, rules)) {
    const reminderMs = route.reminderMs === 'default' ? rules.reminderMs : route.reminderMs;
    for (const { afterMs, channels } of route.steps) {
      for (const channel of channels) add(channel, { afterMs, reminderMs, recovery: route.recovery });
    }
  }
  if (planned.size === 0) add(rules.defaultChannel, direct);
  return [...planned.values()].sort((a, b) => a.afterMs - b.afterMs);
}

/** The routes that match a monitor. */
export function routesOf(subject: Matched, { routes }: AlertRules): Route[] {
  return routes.filter(({ match }) => matchesMonitor(match, subject));
}

/** The silences that hold for a monitor at a time. */
export function silencesOf(subject: Matched, { silences }: AlertRules, nowMs: number): Silence[] {
  return silences.filter(
    ({ match, fromMs, untilMs }) => fromMs <= nowMs && nowMs < untilMs && matchesMonitor(match, subject),
  );
}

/** Until when nothing is told of a monitor because of silences, as far as is known, Unix ms; null: none holds. */
export function silencedUntilMs(
  monitor: Pick<Monitor, 'name' | 'config'>,
  { rules, nowMs }: { rules: AlertRules; nowMs: number },
): number | null {
  if (rules.silences.length === 0) return null;
  const ends = silencesOf(subjectOf(monitor), rules, nowMs).map(({ untilMs }) => untilMs);
  return ends.length === 0 ? null : Math.max(...ends);
}

/**
 * The same of reminders and later steps, which wait for the end of maintenance as well. What went down before it is told all
 * the same, however late that is noticed.
 */
export function quietUntilMs(
  monitor: Pick<Monitor, 'name' | 'config'>,
  context: { rules: AlertRules; nowMs: number; nextOccurrence: NextOccurrence },
): number | null {
  const { nowMs } = context;
  const silencedMs = silencedUntilMs(monitor, context);
  const maintenance = maintenanceOver(monitor, { fromMs: nowMs, toMs: nowMs }, context);
  // One in the moment of its end would be looked at again and again.
  return maintenance ? Math.max(maintenance.toMs, nowMs + 1, silencedMs ?? 0) : silencedMs;
}

function shorter(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}
