import type { BeatRecord, IncidentReason } from '../engine/domain/monitor.ts';
import type { SpentTime } from '../engine/domain/spent-time.ts';

/** A beat of the history; ids grow with the order of receipt. */
export type StoredBeat = BeatRecord & { id: number };

/** An incident, by the order in which they were opened (`seq`). */
export type StoredIncident = {
  seq: number;
  id: string;
  monitorId: number;
  reason: IncidentReason;
  startedMs: number;
  /** Null while it lasts. */
  endedMs: number | null;
  message: string;
  exitCode: number | null;
  /** The monitor because of which its alert was held at first; '' when it was not. */
  heldBy: string;
};

/** How long the runs of a day took. */
export type DayDurations = {
  count: number;
  minMs: number;
  meanMs: number;
  maxMs: number;
  /** How many were from `fromMs` on, and less than 1.41 times as much; the bounds are 2^(n/2) ms. Empty ones are absent. */
  buckets: { fromMs: number; count: number }[];
};

/** A day of a monitor, UTC, counted from 1970-01-01. One that is not over yet reaches to the time of asking. */
export type StoredDay = SpentTime & {
  day: number;
  beats: number;
  failures: number;
  durations: DayDurations | null;
};

/** Spans that `listUptimes` tells of. */
export type UptimeDays = 7 | 30 | 90 | 365;

/** By monitor as asked for, up, down and unknown ms of each: [up, down, unknown, up, down, unknown, ...]. */
export type Uptimes = Float64Array<ArrayBuffer>;

/**
 * What is remembered of the past. Reads see what was acknowledged before them, unless the server is so loaded that the
 * history lags behind. None is read on the serving thread. They reject with StoreError: `busy` when too many wait, `io`.
 */
export interface HistoryReads {
  /**
   * Beats of a monitor, newest first, older than `beforeId` (null: from the newest on). `limit`: 1 to 1,000. They end sooner
   * with the one that makes it `bytesMax` of messages and bodies.
   */
  listBeats(options: {
    monitorId: number;
    beforeId: number | null;
    limit: number;
    bytesMax?: number;
  }): Promise<StoredBeat[]>;

  /**
   * For each of `times` (Unix ms, 500 at most): of the monitor's beats, in order of receipt, up to `before` (0 to 1,000) of
   * those that count for that time or sooner, and up to `after` (0 to 1,000) of the others: the nearest. They end sooner
   * with the time whose beats make it `bytesMax` of messages and bodies.
   */
  beatsAround(options: {
    monitorId: number;
    times: readonly number[];
    before: number;
    after: number;
    bytesMax: number;
  }): Promise<StoredBeat[][]>;

  /**
   * The days `fromDay` to `toDay` (400 at most, the last ones) of a monitor, oldest first: those on which it was known.
   * `nowMs`: until when a day is told that is not over.
   */
  listDays(options: { monitorId: number; fromDay: number; toDay: number; nowMs: number }): Promise<StoredDay[]>;

  /** How monitors (10,000 at most) spent the last so many whole days and today until `nowMs`; zero when it is not known. */
  listUptimes(options: { ids: readonly number[]; days: UptimeDays; nowMs: number }): Promise<Uptimes>;

  /** Incidents of a monitor (null: of all), newest first, opened before `beforeSeq` (null: the newest). `limit`: 1 to 1,000. */
  listIncidents(options: {
    monitorId: number | null;
    beforeSeq: number | null;
    limit: number;
  }): Promise<StoredIncident[]>;
}
