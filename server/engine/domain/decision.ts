import type { BeatRecord, BlindInterval, IncidentRecord, Monitor } from './monitor.ts';
import type { Notice } from './notice.ts';

/** What the operator decided, the same for every monitor. */
export type Policy = {
  /** Longest hold after blind time, in ms. */
  blindHoldMaxMs: number;
  /** Time between repeats of the alert of an open incident; null: said once. */
  alertRepeatMs: number | null;
};

/** What a decision may know besides the monitor and the event. */
export type DecisionContext = {
  nowMs: number;
  /** When the server was not listening, oldest first. */
  blinds: readonly BlindInterval[];
  policy: Policy;
  /** A new unique id (port). */
  newId: () => string;
};

/** A notice to deliver under a stable `id`. `onlyIfIdle`: drop it while an earlier one of the monitor still waits. */
export type NoticeDraft = { id: string; notice: Notice; onlyIfIdle: boolean };

/** A new state and what must be stored with it, in the same transaction. */
export type Decision = {
  monitor: Monitor;
  beats: BeatRecord[];
  incidents: IncidentRecord[];
  notices: NoticeDraft[];
};

/** Why an event was refused. Nothing changed. */
export type Rejection = {
  code: 'invalid_argument' | 'not_found' | 'resource_exhausted';
  /** The offending field of the request; '' when it is none in particular. */
  field: string;
  message: string;
};
