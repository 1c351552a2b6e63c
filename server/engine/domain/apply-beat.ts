import { withoutOldDowns } from './alerting/flapping.ts';
import { closeAlert, continueAlert } from './alerting/tell.ts';
import { awaitNext } from './await-next.ts';
import { beatTime } from './beat-time.ts';
import { alertMs } from './blind-time.ts';
import {
  type Decision,
  type DecisionContext,
  joined,
  type NoticeDraft,
  onlyState,
  type Rejection,
} from './decision.ts';
import { maintenanceOver } from './excuse.ts';
import { countFailure } from './go-down.ts';
import { namesHolder } from './held-alert.ts';
import { mergedNotice } from './make-notice.ts';
import type { Beat, BeatRecord, BeatStatus, Monitor } from './monitor.ts';
import { plainConfig } from './monitor-config.ts';
import { newMonitor } from './new-monitor.ts';
import { passTime } from './pass-time.ts';
import { endPause } from './pause.ts';
import { noProgress, type Progress, progressOf } from './progress.ts';
import { type BrokenRule, brokenAtBegin, brokenAtEnd } from './run-rules.ts';
import { beginRun, endRuns, extendRuns, runDurationMs } from './runs.ts';
import { type Scheduling, scheduleOfBeat } from './schedule-of-beat.ts';

export type BeatDecision =
  | { ok: true; accepted: 'applied' | 'stale'; atMs: number; decision: Decision }
  | { ok: false; rejection: Rejection };

/**
 * What a beat does to its monitor (undefined: the first of its name).
 *
 * - `ok`: up, due again as the schedule says. A monitor that is down recovers, unless its threshold asks for more, or the
 *   beat is a replay so old that its own deadline has passed too. A beat that comes after a deadline that was not acted
 *   on yet is a miss and a recovery: both are recorded, and one merged notice says so.
 * - `fail`: a failure; so is an `ok` that breaks a rule of its run. Down at once, unless there is a threshold.
 * - `start`: a run is open. Where runs have a limit, it has come in time, and the limit counts from here; elsewhere it
 *   moves no deadline, but is the first thing awaited of a monitor that is new.
 * - `keep_alive`: the limit of the run counts anew. `log`: a note.
 */
export function applyBeat(monitor: Monitor | undefined, beat: Beat, context: DecisionContext): BeatDecision {
  const time = beatTime(beat, monitor);
  if (time.kind === 'rejected') return { ok: false, rejection: time.rejection };
  const read = scheduleOfBeat(monitor, beat, context);
  if (!read.ok) return read;
  const { atMs } = time;
  const status = effectiveStatus(beat);
  if (time.kind === 'stale') {
    const decision = { ...onlyState(monitor!), beats: [beatRecord(beat, { atMs, status })] };
    return { ok: true, accepted: 'stale', atMs, decision };
  }
  const known = monitor ?? newMonitor(beat.name, beat.receivedMs, read.scheduling);
  const at: At = { atMs, context, scheduling: read.scheduling };
  const decision =
    known.status === 'paused' || known.progress !== noProgress || known.config !== plainConfig || status !== 'ok'
      ? decide(known, beat, status, at)
      : decidePlain(known, beat, at);
  return { ok: true, accepted: 'applied', atMs, decision };
}

type At = { atMs: number; context: DecisionContext; scheduling: Scheduling };

/** An `ok` of a monitor that has nothing but a period: what nearly every ping comes to. */
function decidePlain(monitor: Monitor, beat: Beat, at: At): Decision {
  const flipMs = monitor.status === 'down' ? null : alertMs(monitor, at.context);
  if (flipMs !== null && at.atMs > flipMs) return decide(monitor, beat, 'ok', at);
  const decision = ok(monitor, beat, at);
  decision.beats.push(beatRecord(beat, { atMs: at.atMs, status: 'ok' }));
  return decision;
}

/** First what time has done to the monitor before the beat came, then the beat: in the ms of its deadline it is in time. */
function decide(monitor: Monitor, beat: Beat, status: BeatStatus, at: At): Decision {
  const { atMs, context } = at;
  const passed = status === 'log' ? onlyState(monitor) : passTime(monitor, atMs - 1, context);
  const before = passed.monitor;
  const resumed = endsPause(before, beat, status) ? joined(passed, endPause(before, atMs, context)) : passed;
  const { decision, record } = takeBeat(resumed.monitor, beat, status, at);
  const told = tellUnder(decision.monitor, resumed.monitor, context);
  const all = joined(resumed, told ? joined(decision, told) : decision);
  all.beats.push(record);
  return mergeNotices(all);
}

/** A beat may name other tags and channels for a monitor that is down: those say who hears of it. */
function tellUnder(monitor: Monitor, before: Monitor, context: DecisionContext): Decision | null {
  return monitor.config === before.config || monitor.status !== 'down' ? null : continueAlert(monitor, context);
}

/** A replay of what came before the pause does not end it (a stamp has no milliseconds). */
function endsPause({ progress: { pause } }: Monitor, { stampS }: Beat, status: BeatStatus): boolean {
  if (pause?.untilPing !== true || status === 'log') return false;
  return stampS === null || stampS >= Math.floor(pause.sinceMs / 1000);
}

/** A miss (or an overrun) and its recovery are one notice to each channel, which shows what was missed. */
function mergeNotices(decision: Decision): Decision {
  if (decision.notices.length < 2) return decision;
  const merged: NoticeDraft[] = [];
  for (const draft of decision.notices) {
    const isItsDown = ({ channel, notice }: NoticeDraft) =>
      channel === draft.channel && notice.type === 'down' && notice.incidentId === draft.notice.incidentId;
    const at = draft.notice.type === 'up' ? merged.findIndex(isItsDown) : -1;
    if (at < 0) merged.push(draft);
    else merged[at] = { ...draft, notice: mergedNotice(merged[at]!.notice, draft.notice) };
  }
  return { ...decision, notices: merged };
}

type Taken = { decision: Decision; record: BeatRecord };

function takeBeat(monitor: Monitor, beat: Beat, status: BeatStatus, at: At): Taken {
  const { atMs } = at;
  const record = beatRecord(beat, { atMs, status });
  if (monitor.status === 'paused') return { decision: onlyState(noted(monitor, status, at)), record };
  switch (status) {
    case 'log':
      return { decision: onlyState(monitor), record };
    case 'keep_alive':
      return { decision: onlyState({ ...monitor, progress: extendRuns(monitor, beat.run, atMs) }), record };
    case 'start':
      return start(monitor, record, at);
    default:
      return end(monitor, beat, record, at);
  }
}

/** Of a monitor that is paused: it came, and what it says of the schedule will hold. */
function noted(monitor: Monitor, status: BeatStatus, { atMs, scheduling }: At): Monitor {
  if (status !== 'ok' && status !== 'fail') return monitor;
  return heard(monitor, { atMs, scheduling });
}

function start(before: Monitor, record: BeatRecord, { atMs, context }: At): Taken {
  const inMaintenance = maintenanceOver(before, { fromMs: atMs, toMs: atMs }, context) !== null;
  const broken = inMaintenance ? null : brokenAtBegin(before, atMs);
  let monitor = begun({ ...before, progress: beginRun(before, record.run, atMs, broken !== null) }, atMs);
  const isHeard = monitor.config.maxRunMs !== null && monitor.status !== 'down';
  if (isHeard)
    monitor = awaitNext({ ...monitor, progress: progressOf(monitor.progress, { silent: false }) }, atMs, context);
  else if (monitor.status === 'new' && monitor.dueMs === null) monitor = awaitNext(monitor, atMs, context);
  if (broken === null) return { decision: onlyState(monitor), record };
  return { decision: countFailure(monitor, failureOf(broken, record), context), record: failedRecord(record, broken) };
}

/** An `ok` or a `fail`. */
function end(before: Monitor, beat: Beat, said: BeatRecord, at: At): Taken {
  const { atMs } = at;
  const { ended, open } = endRuns(before.progress.runs, beat.run);
  const durationMs = runDurationMs(beat, ended, atMs);
  const record = durationMs === said.durationMs ? said : { ...said, durationMs };
  const broken =
    said.status === 'fail'
      ? null
      : ((ended.length === 0 ? brokenAtBegin(before, atMs) : null) ?? brokenAtEnd(before, durationMs));
  let monitor: Monitor = { ...before, progress: progressOf(before.progress, { runs: open }) };
  if (ended.length === 0) monitor = begun(monitor, atMs);
  if (broken) return { decision: fail(monitor, failureOf(broken, record), at), record: failedRecord(record, broken) };
  if (record.status === 'ok') {
    const isFailed = ended.length > 0 && ended.every(({ failed }) => failed);
    return { decision: isFailed ? endFailed(monitor, at) : ok(monitor, beat, at), record };
  }
  const failure = { reason: 'failed' as const, atMs, message: beat.message, exitCode: beat.exitCode };
  return { decision: fail(monitor, failure, at), record };
}

/** The end of a run that failed when it began: heard from, but no sign that all is well. */
function endFailed(before: Monitor, at: At): Decision {
  const monitor = heard(before, at);
  if (monitor.incident?.reason === 'missed') return onlyState(monitor);
  const status = monitor.status === 'new' ? 'up' : monitor.status;
  const known: Monitor = { ...monitor, status, progress: progressOf(monitor.progress, { silent: false }) };
  return onlyState(awaitNext(known, at.atMs, at.context));
}

function begun(monitor: Monitor, atMs: number): Monitor {
  if (monitor.config.minIntervalMs === null) return monitor;
  return { ...monitor, progress: progressOf(monitor.progress, { begunMs: atMs }) };
}

function ok(monitor: Monitor, beat: Beat, { atMs, context, scheduling }: At): Decision {
  // One copy for a period: this is what nearly every ping comes to.
  const { frequencyMs, graceMs, config } = scheduling;
  const dueMs = config.cron === null ? atMs + frequencyMs : context.nextOccurrence(config.cron, atMs);
  const { incident, progress } = monitor;
  const up: Monitor = {
    ...monitor,
    status: 'up',
    frequencyMs,
    graceMs,
    config,
    firstBeatMs: monitor.firstBeatMs ?? atMs,
    lastBeatMs: atMs,
    dueMs,
    deadlineMs: dueMs === null ? null : dueMs + graceMs,
    hold: null,
    incident: null,
    progress: progress === noProgress ? progress : healthy(progress, context.nowMs),
  };
  if (monitor.status !== 'down' || !incident) return onlyState(up);
  if (beat.stampS !== null && (alertMs(up, context) ?? Infinity) <= context.nowMs) {
    return onlyState(heard(monitor, { atMs, scheduling }));
  }
  const oks = progress.oks + 1;
  if (oks < config.beatsToRecover) {
    const next = { ...monitor, progress: progressOf(progress, { oks }) };
    return onlyState(awaitNext(heard(next, { atMs, scheduling }), atMs, context));
  }
  const endedMs = Math.max(atMs, incident.startedMs);
  const incidents = [{ ...incident, endedMs, heldBy: namesHolder(progress.held) }];
  // Nobody was told that it was down.
  if (progress.held !== null && !progress.alert?.open) return { ...onlyState(up), incidents };
  const { message } = beat;
  const recovery = { incident, recoveredMs: endedMs, message, blind: monitor.hold?.blind ?? null };
  return { ...closeAlert(up, recovery, context), incidents };
}

function healthy(progress: Progress, nowMs: number): Progress {
  const alert = withoutOldDowns(progress.alert, nowMs);
  return progressOf(progress, { failures: 0, oks: 0, silent: false, held: null, alert });
}

function fail(before: Monitor, failure: Parameters<typeof countFailure>[1], at: At): Decision {
  const { context, atMs } = at;
  const monitor = heard(before, at);
  if (monitor.status === 'down') {
    // The deadline that was missed stays visible; a failed run is expected again as the schedule says.
    const next = monitor.incident?.reason === 'missed' ? monitor : awaitNext(monitor, atMs, context);
    return countFailure(next, failure, context);
  }
  const known: Monitor = { ...monitor, status: 'up', progress: progressOf(monitor.progress, { silent: false }) };
  const awaiting = awaitNext(known, atMs, context);
  if (maintenanceOver(awaiting, { fromMs: atMs, toMs: atMs }, context)) return onlyState(awaiting);
  return countFailure(awaiting, failure, context);
}

/** What the beat says of the schedule, and that it came. */
function heard(monitor: Monitor, { atMs, scheduling }: Pick<At, 'atMs' | 'scheduling'>): Monitor {
  const { frequencyMs, graceMs, config } = scheduling;
  return { ...monitor, frequencyMs, graceMs, config, lastBeatMs: atMs, firstBeatMs: monitor.firstBeatMs ?? atMs };
}

function failureOf({ reason, message }: BrokenRule, { atMs, exitCode }: BeatRecord) {
  return { reason, atMs, message, exitCode };
}

/** History says that it failed, and why; what the client said stays. */
function failedRecord(record: BeatRecord, { message }: BrokenRule): BeatRecord {
  return { ...record, status: 'fail', message: record.message === '' ? message : record.message };
}

function effectiveStatus(beat: Beat): BeatStatus {
  return beat.status === 'ok' && beat.exitCode !== null && beat.exitCode !== 0 ? 'fail' : beat.status;
}

function beatRecord(beat: Beat, { atMs, status }: { atMs: number; status: BeatStatus }): BeatRecord {
  const { receivedMs, message, body, durationMs, exitCode, run, beatId, address, userAgent } = beat;
  return { status, atMs, receivedMs, message, body, durationMs, exitCode, run, beatId, address, userAgent };
}
