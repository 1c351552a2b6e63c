import { goDown } from './apply-silence.ts';
import { beatTime } from './beat-time.ts';
import { alertMs } from './blind-time.ts';
import type { Decision, DecisionContext, NoticeDraft, Rejection } from './decision.ts';
import { makeNotice } from './make-notice.ts';
import type { Beat, BeatRecord, BeatStatus, Monitor } from './monitor.ts';

export type BeatDecision =
  | { ok: true; accepted: 'applied' | 'stale'; atMs: number; decision: Decision }
  | { ok: false; rejection: Rejection };

/**
 * What a beat does to its monitor (undefined: the first of its name).
 *
 * - `ok`: up, due one period after the beat. A monitor that is down recovers, unless the beat is a replay so old that
 *   its own deadline has passed too. A beat that comes after a deadline that was not acted on yet is a miss and a
 *   recovery: both are recorded, and one merged notice says so.
 * - `fail`: down at once.
 * - `start`, `log`: recorded. A `start` is the first thing awaited of a monitor that is new.
 */
export function applyBeat(monitor: Monitor | undefined, beat: Beat, context: DecisionContext): BeatDecision {
  const time = beatTime(beat, monitor);
  if (time.kind === 'rejected') return { ok: false, rejection: time.rejection };
  const status = effectiveStatus(beat);
  const record = beatRecord(beat, { atMs: time.atMs, status });
  if (time.kind === 'stale') {
    const decision = { monitor: monitor!, beats: [record], incidents: [], notices: [] };
    return { ok: true, accepted: 'stale', atMs: time.atMs, decision };
  }
  const known = monitor ?? newMonitor(beat);
  const effective = status === beat.status ? beat : { ...beat, status };
  const decision = { ...decide(known, effective, { atMs: time.atMs, context }), beats: [record] };
  return { ok: true, accepted: 'applied', atMs: time.atMs, decision };
}

type At = { atMs: number; context: DecisionContext };

function decide(monitor: Monitor, beat: Beat, at: At): Decision {
  switch (beat.status) {
    case 'ok':
    case 'fail':
      return decideAfterMiss(monitor, beat, at);
    case 'start':
      return unchanged(monitor.status === 'new' && monitor.dueMs === null ? expectNext(monitor, at.atMs) : monitor);
    case 'log':
    case 'keep_alive':
      return unchanged(monitor);
  }
}

/** First the miss that the beat came too late for, if any; then the beat. */
function decideAfterMiss(monitor: Monitor, beat: Beat, { atMs, context }: At): Decision {
  const flipMs = monitor.status === 'down' ? null : alertMs(monitor, context);
  if (flipMs === null || atMs <= flipMs) return settle(monitor, beat, { atMs, context });
  const miss = goDown(monitor, context);
  const after = settle(miss.monitor, beat, { atMs, context });
  const recovery = after.notices.find(({ notice }) => notice.type === 'up');
  return {
    monitor: after.monitor,
    beats: [],
    incidents: [...miss.incidents, ...after.incidents],
    notices: recovery ? [merge(recovery, monitor)] : miss.notices,
  };
}

/** One notice for a miss and its recovery; it shows the deadline that was missed. */
function merge(recovery: NoticeDraft, { dueMs, deadlineMs }: Monitor): NoticeDraft {
  return { ...recovery, notice: { ...recovery.notice, merged: true, dueMs, deadlineMs } };
}

function settle(monitor: Monitor, beat: Beat, at: At): Decision {
  return beat.status === 'fail' ? fail(monitor, beat, at) : ok(monitor, beat, at);
}

function ok(monitor: Monitor, beat: Beat, { atMs, context }: At): Decision {
  // One copy: this is what nearly every ping comes to.
  const { frequencyMs, graceMs } = beat;
  const dueMs = atMs + frequencyMs;
  const up: Monitor = {
    ...monitor,
    status: 'up',
    frequencyMs,
    graceMs,
    lastBeatMs: atMs,
    dueMs,
    deadlineMs: dueMs + graceMs,
    hold: null,
    incident: null,
    repeatMs: null,
    repeats: 0,
  };
  if (monitor.status !== 'down' || !monitor.incident) return unchanged(up);
  if (beat.stampS !== null && (alertMs(up, context) ?? 0) <= context.nowMs)
    return unchanged(scheduled(monitor, beat, atMs));
  const endedMs = Math.max(atMs, monitor.incident.startedMs);
  const notice = makeNotice(
    'up',
    { monitor: up, incident: monitor.incident, atMs: context.nowMs },
    { recoveredMs: endedMs, message: beat.message, blind: monitor.hold?.blind ?? null },
  );
  return {
    monitor: up,
    beats: [],
    incidents: [{ ...monitor.incident, endedMs }],
    notices: [{ id: context.newId(), notice, onlyIfIdle: false }],
  };
}

function fail(before: Monitor, beat: Beat, { atMs, context }: At): Decision {
  const monitor = scheduled(before, beat, atMs);
  if (monitor.status === 'down' && monitor.incident) {
    // The deadline that was missed stays visible; a failed run is expected again a period later.
    return unchanged(monitor.incident.reason === 'missed' ? monitor : expectNext(monitor, atMs));
  }
  const incident = { id: context.newId(), startedMs: atMs, reason: 'failed' as const };
  const { alertRepeatMs } = context.policy;
  const down: Monitor = {
    ...expectNext(monitor, atMs),
    status: 'down',
    incident,
    repeatMs: alertRepeatMs === null ? null : context.nowMs + alertRepeatMs,
    repeats: 0,
  };
  const details = { message: beat.message, exitCode: beat.exitCode };
  const notice = makeNotice('down', { monitor: down, incident, atMs: context.nowMs }, details);
  return {
    monitor: down,
    beats: [],
    incidents: [{ ...incident, endedMs: null }],
    notices: [{ id: context.newId(), notice, onlyIfIdle: false }],
  };
}

/** What the beat says of the schedule, and that it came. */
function scheduled(monitor: Monitor, { frequencyMs, graceMs }: Beat, atMs: number): Monitor {
  return { ...monitor, frequencyMs, graceMs, lastBeatMs: atMs };
}

/** The next beat is due one period after `atMs`; a new deadline has no hold yet. */
function expectNext(monitor: Monitor, atMs: number): Monitor {
  const dueMs = atMs + monitor.frequencyMs;
  return { ...monitor, dueMs, deadlineMs: dueMs + monitor.graceMs, hold: null };
}

function unchanged(monitor: Monitor): Decision {
  return { monitor, beats: [], incidents: [], notices: [] };
}

function effectiveStatus(beat: Beat): BeatStatus {
  return beat.status === 'ok' && beat.exitCode !== null && beat.exitCode !== 0 ? 'fail' : beat.status;
}

function newMonitor(beat: Beat): Monitor {
  return {
    id: 0,
    version: 0,
    name: beat.name,
    status: 'new',
    frequencyMs: beat.frequencyMs,
    graceMs: beat.graceMs,
    createdMs: beat.receivedMs,
    lastBeatMs: null,
    dueMs: null,
    deadlineMs: null,
    hold: null,
    incident: null,
    repeatMs: null,
    repeats: 0,
  };
}

function beatRecord(beat: Beat, { atMs, status }: { atMs: number; status: BeatStatus }): BeatRecord {
  const { receivedMs, message, body, durationMs, exitCode, run, beatId, address, userAgent } = beat;
  return { status, atMs, receivedMs, message, body, durationMs, exitCode, run, beatId, address, userAgent };
}
