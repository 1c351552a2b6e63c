import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { dayMs, dayOf, type SpentTime, spentTime } from '../../engine/domain/spent-time.ts';
import type { DayDurations, StoredDay } from '../history-types.ts';
import type { BeatLinks } from './beat-links.ts';
import { type DayClosing, daysKept } from './day-closing.ts';
import { bucketFromMs, type DurationStats, decodeDurations, mergeDurations, noDurations } from './duration-stats.ts';
import type { MonitorFacts } from './monitor-facts.ts';

type Row = {
  beats: number;
  failures: number;
  durations: Uint8Array | null;
  upMs: number | null;
  downMs: number;
  unknownMs: number;
};

/** Reads the days of a monitor: those that are closed as they were written, the others as they are now. */
export class DayReads {
  readonly #links: BeatLinks;
  readonly #closing: DayClosing;
  readonly #facts: () => MonitorFacts;
  readonly #day: StatementSync;

  constructor(
    db: DatabaseSync,
    { links, closing, facts }: { links: BeatLinks; closing: DayClosing; facts: () => MonitorFacts },
  ) {
    this.#links = links;
    this.#closing = closing;
    this.#facts = facts;
    this.#day = db.prepare(
      `SELECT beats, failures, durations, up_ms AS upMs, down_ms AS downMs, unknown_ms AS unknownMs
       FROM days WHERE day = ? AND monitor_id = ?`,
    );
  }

  /** See `HistoryReads`. */
  list(options: { monitorId: number; fromDay: number; toDay: number; nowMs: number }): StoredDay[] {
    const { monitorId, nowMs } = options;
    const toDay = Math.min(options.toDay, dayOf(nowMs));
    const fromDay = Math.max(options.fromDay, toDay - daysKept + 1);
    const closedDay = this.#closing.closedDay ?? Number.NEGATIVE_INFINITY;
    const live = this.#live(monitorId, { fromMs: Math.max(fromDay, closedDay + 1) * dayMs, toMs: nowMs });
    if (live === null) return [];
    const days: StoredDay[] = [];
    let before = this.#get(fromDay - 1, monitorId);
    for (let day = fromDay; day <= toDay; day++) {
      const row = this.#get(day, monitorId);
      const time = day <= closedDay ? closedTime(row, before) : live.timeOf(day);
      const count = this.#count(row, monitorId, day);
      if (time || count.beats > 0) days.push({ day, ...(time ?? noTime(day, nowMs)), ...count });
      before = row;
    }
    return days;
  }

  /** How days were spent that are not closed, null before the first beat; null when there is no such monitor. */
  #live(monitorId: number, span: { fromMs: number; toMs: number }): { timeOf(day: number): SpentTime | null } | null {
    const monitor = this.#facts().one(monitorId);
    if (!monitor) return null;
    const [facts] = span.fromMs < span.toMs ? this.#facts().during([monitor], span) : [];
    const { firstBeatMs } = monitor;
    const timeOf = (day: number): SpentTime | null => {
      const endMs = (day + 1) * dayMs;
      if (!facts || firstBeatMs === null || firstBeatMs >= endMs) return null;
      return spentTime({ fromMs: day * dayMs, toMs: Math.min(endMs, span.toMs) }, facts);
    };
    return { timeOf };
  }

  #get(day: number, monitorId: number): Row | undefined {
    return this.#day.get(day, monitorId) as Row | undefined;
  }

  /** What is written, and what is not yet. */
  #count(row: Row | undefined, monitorId: number, day: number): Pick<StoredDay, 'beats' | 'failures' | 'durations'> {
    const place = this.#links.heads.find(monitorId);
    const more = this.#links.counts.of(place, monitorId, day);
    const stats = noDurations();
    if (row?.durations) mergeDurations(stats, decodeDurations(row.durations));
    if (more.stats) mergeDurations(stats, more.stats);
    return {
      beats: (row?.beats ?? 0) + more.beats,
      failures: (row?.failures ?? 0) + more.failures,
      durations: durationsOf(stats),
    };
  }
}

/** Of a day on which nothing was expected. */
function noTime(day: number, nowMs: number): SpentTime {
  const excludedMs = Math.max(0, Math.min(dayMs, nowMs - day * dayMs));
  return { upMs: 0, downMs: 0, unknownMs: 0, excludedMs };
}

/** The difference of two running totals; null when there is none, so before the first beat. */
function closedTime(row: Row | undefined, before: Row | undefined): SpentTime | null {
  if (row === undefined || row.upMs === null) return null;
  const since = before === undefined || before.upMs === null ? { upMs: 0, downMs: 0, unknownMs: 0 } : before;
  const upMs = row.upMs - (since.upMs ?? 0);
  const downMs = row.downMs - since.downMs;
  const unknownMs = row.unknownMs - since.unknownMs;
  return { upMs, downMs, unknownMs, excludedMs: dayMs - upMs - downMs - unknownMs };
}

function durationsOf({ count, minMs, sumMs, maxMs, buckets }: DurationStats): DayDurations | null {
  if (count === 0) return null;
  const sorted = [...buckets].sort(([a], [b]) => a - b);
  return {
    count,
    minMs,
    meanMs: sumMs / count,
    maxMs,
    buckets: sorted.map(([bucket, inIt]) => ({ fromMs: bucketFromMs(bucket), count: inIt })),
  };
}
