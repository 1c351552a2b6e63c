import type { AlertRules } from '../../server/engine/domain/alerting/alert-rules.ts';
import { applyBeat, type BeatDecision } from '../../server/engine/domain/apply-beat.ts';
import type { DecisionContext } from '../../server/engine/domain/decision.ts';
import type { Beat, BlindInterval, Monitor, OpenIncident } from '../../server/engine/domain/monitor.ts';
import { plainConfig } from '../../server/engine/domain/monitor-config.ts';
import { noProgress, type Progress } from '../../server/engine/domain/progress.ts';
import type { NextOccurrence } from '../../server/engine/domain/schedule.ts';
import { alertRules } from '../support/alert-rules.ts';

/** The small cast that the tests of the domain, the engine and the store share. */

export const secondMs = 1_000;
export const minuteMs = 60 * secondMs;
export const hourMs = 60 * minuteMs;

/** 10:00:00 on a day in 2026, Unix ms: the time at which most stories begin. */
export const tenMs = Date.UTC(2026, 2, 14, 10, 0, 0);

/** A time of that day, given as "10:01:30" or "10:01:30.250", Unix ms. */
export function clockMs(text: string): number {
  return Date.parse(`2026-03-14T${text}Z`);
}

/** A plain beat of "backup", every minute without grace, received at 10:00:00. */
export function beatOf(fields: Partial<Beat> = {}): Beat {
  return {
    name: 'backup',
    status: 'ok',
    frequencyMs: minuteMs,
    graceMs: 0,
    named: null,
    keepsSchedule: false,
    provision: null,
    stampS: null,
    receivedMs: tenMs,
    message: '',
    body: null,
    durationMs: null,
    exitCode: null,
    run: '',
    beatId: '',
    address: '',
    userAgent: '',
    ...fields,
  };
}

/** A monitor "backup" that was up at 10:00:00 and is due a minute later. */
export function monitorOf(fields: Partial<Monitor> = {}): Monitor {
  return {
    id: 7,
    version: 3,
    name: 'backup',
    status: 'up',
    frequencyMs: minuteMs,
    graceMs: 0,
    config: plainConfig,
    createdMs: tenMs - hourMs,
    firstBeatMs: tenMs - hourMs,
    lastBeatMs: tenMs,
    dueMs: tenMs + minuteMs,
    deadlineMs: tenMs + minuteMs,
    hold: null,
    incident: null,
    progress: noProgress,
    ...fields,
  };
}

type ContextFields = {
  nowMs?: number;
  blinds?: readonly BlindInterval[];
  blindHoldMaxMs?: number;
  alertRepeatMs?: number | null;
  /** Instead of one channel, "default", with reminders every `alertRepeatMs`. */
  rules?: AlertRules;
  nextOccurrence?: NextOccurrence;
  /** What there is besides the monitor. */
  others?: readonly Monitor[];
};

/** What a decision at `nowMs` (10:00:00 unless told) knows: no blind time, holds up to an hour, no repeats. */
export function contextOf(fields: ContextFields = {}): DecisionContext {
  const { nowMs = tenMs, blinds = [], blindHoldMaxMs = hourMs, alertRepeatMs = null, others = [] } = fields;
  const policy = { blindHoldMaxMs, defaultGraceMs: 0 };
  const { nextOccurrence = wholeHours, rules = alertRules({ reminderMs: alertRepeatMs }) } = fields;
  const monitorNamed = (name: string) => others.find((monitor) => monitor.name === name);
  return { nowMs, blinds, policy, rules, newId: counter('id'), nextOccurrence, monitorNamed };
}

/** A cron that knows only whole hours. */
export const wholeHours: NextOccurrence = (_, afterMs) => (Math.floor(afterMs / hourMs) + 1) * hourMs;

/** An incident of "backup" that is open since 10:00:00. */
export function incidentOf(fields: Partial<OpenIncident> = {}): OpenIncident {
  return { id: 'incident', startedMs: tenMs, reason: 'missed', message: '', exitCode: null, ...fields };
}

/** Ids "id-1", "id-2", … */
export function counter(prefix: string): () => string {
  let count = 0;
  return () => `${prefix}-${++count}`;
}

/** `applyBeat` where the beat must be accepted. */
export function accept(monitor: Monitor | undefined, beat: Beat, context: DecisionContext) {
  const result: BeatDecision = applyBeat(monitor, beat, context);
  if (!result.ok) throw new Error(`refused: ${result.rejection.message}`);
  return { accepted: result.accepted, atMs: result.atMs, ...result.decision };
}

/** Progress of a monitor whose open incident "default" was told of at 10:00:00, and that is to be told of no more. */
export function toldProgress(incidentId = 'incident'): Progress {
  const told = [{ channel: 'default', said: 'down' as const, atMs: tenMs, lastMs: tenMs, reminders: 0 }];
  const incident = { id: incidentId, startedMs: tenMs, reason: 'missed' as const };
  const open = { incident, sinceMs: tenMs, told, ack: null, blind: null, heldBy: '', flaps: 0 };
  return { ...noProgress, alert: { open, downs: [], flapping: null, nextMs: null } };
}
