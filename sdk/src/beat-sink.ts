import type { Beat } from './beat.ts';

/** Counters since the client was made, and what waits now. */
export type TocsinStats = {
  /** Beats that wait for an answer, those in flight included. */
  queued: number;
  /** Beats that the server has recorded. */
  delivered: number;
  /** Beats that the server refused for good. */
  rejected: number;
  /** Beats given up without an answer: no room, too old, closed, or no server that could be asked. */
  dropped: number;
};

/** Where a client leaves its beats. Nothing here throws, rejects, or waits on the caller's stack. */
export interface BeatSink {
  add(beat: Beat): void;
  /** True once everything that waits now was answered; false when some of it was given up, or `timeoutMs` passed. */
  flush(timeoutMs: number): Promise<boolean>;
  /** Takes no more beats, flushes, then gives up the rest. */
  close(timeoutMs: number): Promise<boolean>;
  stats(): TocsinStats;
}
