import type { AlertProgress } from './alerting/alert-progress.ts';
import type { BlindInterval } from './monitor.ts';

/** A run that has started and not ended. */
export type OpenRun = {
  /** '' when the client gave none. */
  id: string;
  startedMs: number;
  /** When it has taken too long, Unix ms; null: it may take as long as it likes. */
  limitMs: number | null;
  /** Its limit was put off once, because the server was not listening when the end could have come; null: it was not. */
  blind: BlindInterval | null;
  /** It has failed by beginning too soon: its end will be no sign that all is well. Absent: it has not. */
  failed?: true;
};

/** Why and how long a monitor is paused. */
export type Pause = {
  sinceMs: number;
  /** When it ends by itself, Unix ms. */
  untilMs: number | null;
  /** The next beat ends it. */
  untilPing: boolean;
};

/**
 * Why the alert of an open incident has not been said yet: `by`, which this monitor depends on, is `down`; or may be about
 * to go down (`verdict`); or came back a moment ago, and this one gets the time to (`recovery`).
 */
export type HeldAlert = {
  by: string;
  why: 'down' | 'verdict' | 'recovery' /** Unix ms; null: open. */;
  untilMs: number | null;
  /**
   * End of the first recovery, Unix ms: the alert is said then, whatever holds it. Null: none has begun. What an earlier
   * version stored has none.
   */
  sayMs?: number | null;
};

/** What a monitor is in the middle of. Nearly all are in the middle of nothing. */
export type Progress = {
  /** Failures and misses in a row, since the newest ok. */
  failures: number;
  /** Oks in a row, while it is down. */
  oks: number;
  /** A deadline has passed since the newest beat, and it did not go down: it is late until it is heard from. */
  silent: boolean;
  /** Oldest first; `runsMax` at most. */
  runs: readonly OpenRun[];
  /** When the newest run began; kept only where there is a shortest interval. */
  begunMs: number | null;
  pause: Pause | null;
  held: HeldAlert | null;
  alert: AlertProgress | null;
};

/** Compared by identity: whoever makes a Progress that says nothing must use this one (see `progressOf`). */
export const noProgress: Progress = Object.freeze({
  failures: 0,
  oks: 0,
  silent: false,
  runs: [],
  begunMs: null,
  pause: null,
  held: null,
  alert: null,
});

/** Open runs of one monitor; past it the oldest is forgotten, as jobs that die without a word leave theirs open. */
export const runsMax = 100;

/** `progress` with `fields` changed: the same object when none is, `noProgress` itself when nothing is left to say. */
export function progressOf(progress: Progress, fields: Partial<Progress>): Progress {
  const next = { ...progress, ...fields };
  const { failures, oks, silent, runs, begunMs, pause, held, alert } = next;
  const isNone = failures === 0 && oks === 0 && !silent && runs.length === 0 && begunMs === null;
  if (isNone && pause === null && held === null && alert === null) return noProgress;
  const isSame = (Object.keys(fields) as (keyof Progress)[]).every((key) => progress[key] === next[key]);
  return isSame ? progress : next;
}
