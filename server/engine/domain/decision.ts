import type { AlertRules } from './alerting/alert-rules.ts';
import type { BeatRecord, BlindInterval, IncidentRecord, Monitor, PauseRecord } from './monitor.ts';
import type { Notice } from './notice.ts';
import type { NextOccurrence } from './schedule.ts';

/** What the operator decided, the same for every monitor. */
export type Policy = {
  /** Longest hold after blind time, in ms. */
  blindHoldMaxMs: number;
  /** Grace of a ping that names a frequency but no grace, in ms. */
  defaultGraceMs: number;
};

/** What a decision may know besides the monitor and the event. */
export type DecisionContext = {
  nowMs: number;
  /** When the server was not listening, oldest first. */
  blinds: readonly BlindInterval[];
  policy: Policy;
  /** Who hears of alerts, and when. */
  rules: AlertRules;
  /** A new unique id (port). */
  newId: () => string;
  nextOccurrence: NextOccurrence;
  /** The monitor of this name as it is now, where another depends on it; undefined when there is none. */
  monitorNamed: (name: string) => Monitor | undefined;
};

/**
 * A notice to deliver to a channel under a stable `id`. `onlyIfIdle`: drop it while an earlier one of the monitor still waits
 * there.
 */
export type NoticeDraft = { id: string; channel: string; notice: Notice; onlyIfIdle: boolean };

/** A new state and what must be stored with it, in the same transaction. */
export type Decision = {
  monitor: Monitor;
  beats: BeatRecord[];
  incidents: IncidentRecord[];
  pauses: PauseRecord[];
  notices: NoticeDraft[];
};

/** Why an event was refused. Nothing changed. */
export type Rejection = {
  code: 'invalid_argument' | 'not_found' | 'already_exists' | 'aborted' | 'resource_exhausted';
  /** The offending field of the request; '' when it is none in particular. */
  field: string;
  message: string;
};

/** A new state with nothing to store beside it. */
export function onlyState(monitor: Monitor): Decision {
  return { monitor, beats: [], incidents: [], pauses: [], notices: [] };
}

/** `next` decided after `first`, as one decision. */
export function joined(first: Decision, next: Decision): Decision {
  return {
    monitor: next.monitor,
    beats: [...first.beats, ...next.beats],
    incidents: [...first.incidents, ...next.incidents],
    pauses: [...first.pauses, ...next.pauses],
    notices: [...first.notices, ...next.notices],
  };
}
