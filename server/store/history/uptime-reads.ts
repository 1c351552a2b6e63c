import { existsSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { dayMs, dayOf, type Span, spentTime } from '../../engine/domain/spent-time.ts';
import type { UptimeDays, Uptimes } from '../history-types.ts';
import type { MonitorFacts } from './monitor-facts.ts';

type TotalsCells = [index: number, upMs: number, downMs: number, unknownMs: number];
type History = { db: DatabaseSync; closed: StatementSync; totals: StatementSync; last: Closed | null };
/** What was found last: it is what is asked for again and again, and closed days stay as they are. */
type Closed = { ids: Float64Array; fromDay: number; toDay: number; day: number; found: TotalsCells[] };

/** Numbers of a monitor in `Uptimes`. */
const figures = 3;
/** The version of the history's schema from which on it has days. */
const versionMin = 2;

/** Reads how many monitors spent many days: two running totals of each, and what is not closed yet. */
export class UptimeReads {
  readonly #path: string;
  readonly #facts: MonitorFacts;
  /** Null while there is none. */
  #history: History | null = null;

  /** `path`: of the history. */
  constructor(path: string, facts: MonitorFacts) {
    this.#path = path;
    this.#facts = facts;
  }

  /** See `HistoryReads`. @throws Error of SQLite. */
  list({ ids, days, nowMs }: { ids: Float64Array; days: UptimeDays; nowMs: number }): Uptimes {
    const today = dayOf(nowMs);
    const fromDay = today - days;
    const uptimes = new Float64Array(ids.length * figures);
    this.#history ??= openMade(this.#path);
    const closedDay = this.#history && addClosed(uptimes, this.#history, { ids, fromDay, toDay: today - 1 });
    const liveDay = Math.max(fromDay, (closedDay ?? Number.NEGATIVE_INFINITY) + 1);
    addLive(uptimes, this.#facts, { ids, span: { fromMs: liveDay * dayMs, toMs: nowMs } });
    return uptimes;
  }

  close(): void {
    this.#history?.db.close();
  }
}

/** Null when it is not there, or still being made. */
function openMade(path: string): History | null {
  if (!existsSync(path)) return null;
  const db = new DatabaseSync(path, { readOnly: true, timeout: 1_000 });
  const { user_version: version } = db.prepare('PRAGMA user_version').get() as { user_version: number };
  if (version < versionMin) {
    db.close();
    return null;
  }
  const totals = db.prepare(
    `SELECT wanted.key, last.up_ms - coalesce(before.up_ms, 0), last.down_ms - coalesce(before.down_ms, 0),
       last.unknown_ms - coalesce(before.unknown_ms, 0)
     FROM json_each(?) AS wanted
     CROSS JOIN days AS last ON last.day = ? AND last.monitor_id = wanted.value
     LEFT JOIN days AS before ON before.day = ? AND before.monitor_id = wanted.value
     WHERE last.up_ms IS NOT NULL`,
  );
  totals.setReturnArrays(true);
  return { db, closed: db.prepare('SELECT closed_day AS day FROM taken'), totals, last: null };
}

/** Adds what is closed of these days; returns the last of them, null when none is. */
function addClosed(
  uptimes: Uptimes,
  history: History,
  span: { ids: Float64Array; fromDay: number; toDay: number },
): number | null {
  const { db, closed, totals } = history;
  // One state of the database.
  db.exec('BEGIN');
  try {
    const { day } = closed.get() as { day: number | null };
    if (day === null || day < span.fromDay) return null;
    const toDay = Math.min(day, span.toDay);
    let { last } = history;
    if (last === null || !isSame(last, { ...span, day })) {
      const found = totals.all(JSON.stringify([...span.ids]), toDay, span.fromDay - 1) as unknown as TotalsCells[];
      last = history.last = { ...span, day, found };
    }
    const { found } = last;
    for (const [index, upMs, downMs, unknownMs] of found) {
      uptimes[index * figures] = upMs;
      uptimes[index * figures + 1] = downMs;
      uptimes[index * figures + 2] = unknownMs;
    }
    return toDay;
  } finally {
    db.exec('COMMIT');
  }
}

function isSame(a: Omit<Closed, 'found'>, b: Omit<Closed, 'found'>): boolean {
  if (a.day !== b.day || a.fromDay !== b.fromDay || a.toDay !== b.toDay || a.ids.length !== b.ids.length) return false;
  return a.ids.every((id, index) => id === b.ids[index]);
}

/** Adds how monitors spent a span that is not closed. */
function addLive(uptimes: Uptimes, facts: MonitorFacts, { ids, span }: { ids: Float64Array; span: Span }): void {
  const { usual, others } = facts.duringOfMany(ids, span);
  const usualTime = spentTime(span, usual);
  for (let index = 0; index < ids.length; index++) {
    const own = others.get(ids[index]!);
    if (own === null) {
      forget(uptimes, index);
      continue;
    }
    const { upMs, downMs, unknownMs } = own ? spentTime(span, own) : usualTime;
    uptimes[index * figures]! += upMs;
    uptimes[index * figures + 1]! += downMs;
    uptimes[index * figures + 2]! += unknownMs;
  }
}

function forget(uptimes: Uptimes, index: number): void {
  uptimes.fill(0, index * figures, (index + 1) * figures);
}
