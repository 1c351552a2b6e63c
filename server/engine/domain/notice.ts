import type { BlindInterval, IncidentReason } from './monitor.ts';
import type { CronSchedule } from './schedule.ts';

/**
 * What an alert says, independent of the channel that carries it. It is stored with the delivery, so a notice sent hours
 * later still says what was true when it was made. Times are Unix milliseconds.
 */
export type Notice = {
  /** `down`: went down, or is still down (`repeat` > 0). `up`: recovered. `test`: somebody tries the channel. */
  type: 'down' | 'up' | 'test';
  /** When it was made. */
  atMs: number;
  name: string;
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
};

/** What notices of an older version, which still wait to be sent, do not say. */
export const noticeDefaults: Pick<Notice, 'cron' | 'tags' | 'heldBy'> = { cron: null, tags: [], heldBy: '' };
