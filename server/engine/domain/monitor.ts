import type { MonitorConfig, MonitorSpec } from './monitor-config.ts';
import type { Progress } from './progress.ts';
import type { CronSchedule } from './schedule.ts';

/**
 * Why a monitor went down: a deadline passed, a beat said so, or a run took too long, ended too soon, or began too soon
 * after the one before.
 */
export type IncidentReason = 'missed' | 'failed' | 'overran' | 'too_short' | 'too_often';

/** The open interval of a monitor being down. */
export type OpenIncident = {
  id: string;
  startedMs: number;
  reason: IncidentReason;
  /** Text of the failure; '' when there is none. */
  message: string;
  exitCode: number | null;
};

/** A time in which the server itself was not listening, Unix ms; nothing can be concluded from silence within it. */
export type BlindInterval = { fromMs: number; toMs: number };

/**
 * The state of one monitor, as stored. All times are Unix milliseconds (integers).
 *
 * `late` is not stored: it is `up` past `dueMs` (see `phaseAt`).
 */
export type Monitor = {
  /** Assigned by the store; 0 before the first commit. */
  id: number;
  /** Changes with every commit that changes the state; 0 before the first. */
  version: number;
  name: string;
  status: 'new' | 'up' | 'down' | 'paused';
  /** The period; 0 with a cron schedule. */
  frequencyMs: number;
  graceMs: number;
  config: MonitorConfig;
  createdMs: number;
  /** Time of the first ok or fail beat: from then on it counts. */
  firstBeatMs: number | null;
  /** Time of the newest ok or fail beat. */
  lastBeatMs: number | null;
  /** When the next beat is due; null when none is awaited. */
  dueMs: number | null;
  /** `dueMs` + grace. For a monitor that is down because it missed, the deadline that it missed. */
  deadlineMs: number | null;
  /** End of the one hold that this deadline got because of blind time. */
  hold: { untilMs: number; blind: BlindInterval } | null;
  incident: OpenIncident | null;
  progress: Progress;
};

/**
 * What a beat says: `ok` moves the deadline, `fail` is a failure, `start` begins a run, `keep_alive` extends it, `log` is
 * a note.
 */
export type BeatStatus = 'ok' | 'start' | 'fail' | 'log' | 'keep_alive';

/** What a beat names of its monitor's configuration besides frequency and grace; null: it does not name it. */
export type NamedConfig = {
  cron: CronSchedule | null;
  tags: readonly string[] | null;
  channels: readonly string[] | null;
};

/** One checked beat of a client. */
export type Beat = {
  name: string;
  status: BeatStatus;
  /** Null: not named. */
  frequencyMs: number | null;
  graceMs: number | null;
  named: NamedConfig | null;
  /** It names no schedule and need not: the monitor keeps what it has, whatever made it. */
  keepsSchedule: boolean;
  /** What a monitor is that this beat makes, if it has none; null: what the beat names. */
  provision: MonitorSpec | null;
  /** The client's own time in Unix seconds; null: the time of receipt counts. */
  stampS: number | null;
  /** When the server received it, Unix ms. */
  receivedMs: number;
  message: string;
  /** What the client sent with it, at most 10,000 bytes of any kind; null when `message` says it all. */
  body: Uint8Array | null;
  durationMs: number | null;
  exitCode: number | null;
  run: string;
  /** '' when the client gave none. */
  beatId: string;
  /** Address of the client; '' when it is not known. */
  address: string;
  /** '' when it is not known. */
  userAgent: string;
};

/** A beat as history keeps it. */
export type BeatRecord = Pick<
  Beat,
  'status' | 'receivedMs' | 'message' | 'body' | 'durationMs' | 'exitCode' | 'run' | 'beatId' | 'address' | 'userAgent'
> & {
  /** The time that the beat counts for, Unix ms. */
  atMs: number;
};

/** An incident to write: opened now (`endedMs` null) or closed now. */
export type IncidentRecord = OpenIncident & {
  endedMs: number | null;
  /** The monitor because of which its alert was held at first; '' when it was not. */
  heldBy: string;
};

/** A pause to write: begun now (`toMs` null) or ended now. */
export type PauseRecord = { fromMs: number; toMs: number | null };
