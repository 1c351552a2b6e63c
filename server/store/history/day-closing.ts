import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { dayMs, dayOf, spentTime } from '../../engine/domain/spent-time.ts';
import { inTransaction } from './history-database.ts';
import type { MonitorFact, MonitorFacts } from './monitor-facts.ts';
import { MultiRow } from './multi-row.ts';

/** Days that are kept. */
export const daysKept = 400;
/** A day is closed so long after it is over: what ended it may be known a bit later. */
const closeAfterMs = 3_600_000;
/** Monitors in one step, and rows deleted: some ms. */
const sliceMonitors = 1_000;
const sliceRows = 5_000;

type Totals = [monitorId: number, upMs: number, downMs: number, unknownMs: number];

/** The last day that may be closed at a time. */
export function closableDay(nowMs: number): number {
  return dayOf(nowMs - closeAfterMs) - 1;
}

/**
 * Closes the days that are over, one after another, also those that were over while the server was off: writes how each
 * monitor spent them, as running totals. Closing a day again writes the same, so what a crash interrupts begins anew.
 */
export class DayClosing {
  readonly #db: DatabaseSync;
  readonly #facts: () => MonitorFacts;
  readonly #totals: MultiRow;
  readonly #before: StatementSync;
  readonly #setClosed: StatementSync;
  readonly #trim: StatementSync;
  #closedDay: number | null;
  /** The monitor up to which the day after `closedDay` is written. */
  #afterId = 0;
  #isTrimDue = true;

  constructor(db: DatabaseSync, facts: () => MonitorFacts) {
    this.#db = db;
    this.#facts = facts;
    this.#totals = new MultiRow(
      db,
      'INSERT INTO days (day, monitor_id, beats, failures, up_ms, down_ms, unknown_ms)',
      7,
      `ON CONFLICT DO UPDATE SET up_ms = excluded.up_ms, down_ms = excluded.down_ms, unknown_ms = excluded.unknown_ms`,
    );
    this.#before = db.prepare(
      `SELECT monitor_id, up_ms, down_ms, unknown_ms FROM days
       WHERE day = ? AND monitor_id BETWEEN ? AND ? AND up_ms IS NOT NULL`,
    );
    this.#before.setReturnArrays(true);
    this.#setClosed = db.prepare('UPDATE taken SET closed_day = ?');
    this.#trim = db.prepare(
      'DELETE FROM days WHERE (day, monitor_id) IN (SELECT day, monitor_id FROM days WHERE day < ? LIMIT ?)',
    );
    this.#closedDay = (db.prepare('SELECT closed_day AS day FROM taken').get() as { day: number | null }).day;
  }

  /** Days up to this one are closed; null: none yet. */
  get closedDay(): number | null {
    return this.#closedDay;
  }

  /** One step; false when every day that is over at `nowMs` is closed. */
  step(nowMs: number): boolean {
    const closable = closableDay(nowMs);
    if (this.#closedDay === null) {
      this.#begin(closable);
      return true;
    }
    if (this.#closedDay < closable) {
      // After years without a server, or with a clock gone wrong, only what will be kept.
      if (this.#closedDay < closable - daysKept) this.#close(closable - daysKept);
      this.#closeSome(this.#closedDay + 1);
      return true;
    }
    // The clock was set back: what was closed is still to come.
    if (this.#closedDay >= dayOf(nowMs)) this.#close(dayOf(nowMs) - 1);
    if (this.#isTrimDue) {
      this.#isTrimDue = Number(this.#trim.run(this.#closedDay - daysKept, sliceRows).changes) === sliceRows;
    }
    return this.#isTrimDue;
  }

  /** From the first beat of all on, but no further back than days are kept. */
  #begin(closable: number): void {
    const firstBeatMs = this.#facts().firstBeatMs();
    const firstDay = firstBeatMs === null ? closable + 1 : dayOf(firstBeatMs);
    this.#close(Math.max(Math.min(firstDay - 1, closable), closable - daysKept));
  }

  #closeSome(day: number): void {
    const monitors = this.#facts().page(this.#afterId, (day + 1) * dayMs, sliceMonitors);
    inTransaction(this.#db, () => this.#write(day, monitors));
    this.#afterId = monitors.at(-1)?.id ?? 0;
    if (monitors.length < sliceMonitors) this.#close(day);
  }

  #write(day: number, monitors: readonly MonitorFact[]): void {
    if (monitors.length === 0) return;
    const span = { fromMs: day * dayMs, toMs: (day + 1) * dayMs };
    const before = this.#before.all(day - 1, monitors[0]!.id, monitors.at(-1)!.id) as unknown as Totals[];
    const totals = new Map(before.map((row) => [row[0], row]));
    const facts = this.#facts().during(monitors, span);
    this.#totals.run(
      monitors.map(({ id }, index) => {
        const { upMs, downMs, unknownMs } = spentTime(span, facts[index]!);
        const [, up, down, unknown] = totals.get(id) ?? [id, 0, 0, 0];
        return [day, id, 0, 0, up + upMs, down + downMs, unknown + unknownMs];
      }),
    );
  }

  #close(day: number): void {
    this.#setClosed.run(day);
    this.#closedDay = day;
    this.#afterId = 0;
    this.#isTrimDue = true;
  }
}
