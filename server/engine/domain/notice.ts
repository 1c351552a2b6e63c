import type { BlindInterval, IncidentReason } from './monitor.ts';
import type { Severity } from './monitor-config.ts';
import type { CronSchedule } from './schedule.ts';

/**
 * What an alert says, independent of the channel that carries it. It is stored with the delivery, so a notice sent hours
 * later still says what was true when it was made. Times are Unix milliseconds.
 */
export type Notice = {
  /**
   * `down`: went down, or is still down (`repeat` > 0). `up`: recovered. `closed`: it was paused or removed while it was
   * down, which `message` says. `flapping`: it goes down again and again; nothing more is said until it is steady, and then
   * whether it is `down` or `up`. `test`: somebody tries the channel.
   */
  type: 'down' | 'up' | 'closed' | 'flapping' | 'test';
  /** When it was made. */
  atMs: number;
  name: string;
  /** How bad it is that this monitor is down. */
  severity: Severity;
  reason: IncidentReason;
  incidentId: string;
  /** Start of the incident. */
  downSinceMs: number;
  /** Time of the beat that ended it; null while it is open. */
  recoveredMs: number | null;
  /** An `up` whose `down` was never sent alone: this notice stands for both. */
  merged: boolean;
  /** 0 for the first alert of an incident, then 1, 2, … */
  repeat: number;
  lastBeatMs: number | null;
  dueMs: number | null;
  deadlineMs: number | null;
  /** 0 with a cron schedule. */
  frequencyMs: number;
  cron: CronSchedule | null;
  graceMs: number;
  tags: readonly string[];
  /** Text of the failed beat; '' otherwise. */
  message: string;
  exitCode: number | null;
  /** Set when the alert waited because the server was not listening while the beat was due. */
  blind: BlindInterval | null;
  /** The monitor that this one depends on and that was down, because of which the alert waited; '' when none. */
  heldBy: string;
  /** `flapping`: how often it went down lately. `down` and `up`: how often, before it became steady. Else 0. */
  flaps: number;
};

/** What notices of an older version, which still wait to be sent, do not say. */
export const noticeDefaults: Pick<Notice, 'cron' | 'tags' | 'heldBy' | 'severity' | 'flaps'> = {
  cron: null,
  tags: [],
  heldBy: '',
  severity: 'critical',
  flaps: 0,
};
