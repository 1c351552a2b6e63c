import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { MaintenanceWindow } from '../../engine/domain/maintenance.ts';
import { maintenanceSpans } from '../../engine/domain/maintenance-spans.ts';
import type { NextOccurrence } from '../../engine/domain/schedule.ts';
import type { Span, SpentTimeFacts } from '../../engine/domain/spent-time.ts';

/** What a monitor's row tells. */
export type MonitorFact = { id: number; firstBeatMs: number | null; maintenance: readonly MaintenanceWindow[] };

/** Of many monitors at once: `usual` holds for all but the others, by id; null: there is no such monitor. */
export type FactsOfMany = { usual: SpentTimeFacts; others: Map<number, SpentTimeFacts | null> };

type FactCells = [id: number, firstBeatMs: number | null, maintenance: string | null];
type WantedCells = [wantedId: number, id: number | null, firstBeatMs: number | null, maintenance: string | null];
type Spans = { incidents: Map<number, Span[]>; pauses: Map<number, Span[]>; blinds: readonly Span[] };
type SpanCells = [monitorId: number, seq: number, fromMs: number, toMs: number | null];

/** Spans of one monitor read at once, newest first. */
const pageSpans = 50;
const factColumns = `monitors.id, first_beat_ms, json_extract(config, '$.maintenance')`;

/**
 * Reads from the database (`tocsin.db`), through a connection of its own, what decides how monitors spent their time. Rows
 * that are behind the journal do not matter here: what is read is written at once.
 */
export class MonitorFacts {
  readonly #db: DatabaseSync;
  readonly #nextOccurrence: NextOccurrence;
  readonly #page: StatementSync;
  readonly #one: StatementSync;
  readonly #unusual: StatementSync;
  readonly #firstBeat: StatementSync;
  readonly #ids: StatementSync;
  readonly #blinds: StatementSync;
  readonly #incidents: SpanTable;
  readonly #pauses: SpanTable;

  /** @throws Error of SQLite when the database cannot be read. */
  constructor(path: string, nextOccurrence: NextOccurrence) {
    this.#db = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
    this.#nextOccurrence = nextOccurrence;
    this.#page = asArrays(
      this.#db.prepare(`SELECT ${factColumns} FROM monitors WHERE id > ? AND first_beat_ms < ? ORDER BY id LIMIT ?`),
    );
    this.#one = asArrays(this.#db.prepare(`SELECT ${factColumns} FROM monitors WHERE id = ?`));
    this.#unusual = asArrays(
      this.#db.prepare(
        `SELECT wanted.value, ${factColumns} FROM json_each(?) AS wanted LEFT JOIN monitors ON monitors.id = wanted.value
         WHERE first_beat_ms IS NULL OR first_beat_ms > ? OR json_extract(config, '$.maintenance') <> '[]'`,
      ),
    );
    this.#firstBeat = this.#db.prepare('SELECT min(first_beat_ms) AS atMs FROM monitors');
    this.#ids = asArrays(this.#db.prepare('SELECT id FROM monitors WHERE id > ? ORDER BY id LIMIT ?'));
    this.#blinds = this.#db.prepare(
      'SELECT from_ms AS fromMs, to_ms AS toMs FROM blind_intervals WHERE to_ms > ? AND from_ms < ?',
    );
    this.#incidents = new SpanTable(this.#db, { table: 'incidents', from: 'started_ms', to: 'ended_ms' });
    this.#pauses = new SpanTable(this.#db, { table: 'pauses', from: 'from_ms', to: 'to_ms' });
  }

  /** Up to `limit` monitors with an id > `afterId` that were heard from before `beforeMs`, by id. */
  page(afterId: number, beforeMs: number, limit: number): MonitorFact[] {
    return (this.#page.all(afterId, beforeMs, limit) as unknown as FactCells[]).map(monitorFact);
  }

  one(id: number): MonitorFact | undefined {
    const cells = this.#one.get(id) as unknown as FactCells | undefined;
    return cells && monitorFact(cells);
  }

  /** When the first of all monitors was first heard from, Unix ms; null when none was. */
  firstBeatMs(): number | null {
    return (this.#firstBeat.get() as { atMs: number | null }).atMs;
  }

  /** Up to `limit` ids of monitors > `afterId`, in order. */
  ids(afterId: number, limit: number): number[] {
    return (this.#ids.all(afterId, limit) as unknown as [number][]).map(([id]) => id);
  }

  /** What decides how these monitors spent a span, in their order. */
  during(monitors: readonly MonitorFact[], span: Span): SpentTimeFacts[] {
    const spans = this.#spansDuring(JSON.stringify(monitors.map(({ id }) => id)), span);
    return monitors.map((monitor) => this.#facts(monitor, spans, span));
  }

  /** The same of monitors of which nearly all have nothing in the span that sets them apart. */
  duringOfMany(ids: Float64Array, span: Span): FactsOfMany {
    const wanted = JSON.stringify([...ids]);
    const spans = this.#spansDuring(wanted, span);
    const unusual = this.#unusual.all(wanted, span.fromMs) as unknown as WantedCells[];
    const others = new Map<number, SpentTimeFacts | null>();
    // Before the span is as good as any time before it.
    for (const id of [...spans.incidents.keys(), ...spans.pauses.keys()]) {
      others.set(id, this.#facts({ id, firstBeatMs: span.fromMs, maintenance: [] }, spans, span));
    }
    for (const [wantedId, id, ...cells] of unusual) {
      others.set(wantedId, id === null ? null : this.#facts(monitorFact([id, ...cells]), spans, span));
    }
    const { blinds } = spans;
    return {
      usual: { firstBeatMs: span.fromMs, incidents: none, pauses: none, maintenance: none, blinds },
      others,
    };
  }

  #spansDuring(ids: string, span: Span): Spans {
    return {
      incidents: this.#incidents.during(ids, span),
      pauses: this.#pauses.during(ids, span),
      blinds: this.#blinds.all(span.fromMs, span.toMs) as unknown as Span[],
    };
  }

  #facts({ id, firstBeatMs, maintenance }: MonitorFact, { incidents, pauses, blinds }: Spans, span: Span) {
    return {
      firstBeatMs,
      incidents: incidents.get(id) ?? none,
      pauses: pauses.get(id) ?? none,
      maintenance: maintenance.length === 0 ? none : maintenanceSpans(maintenance, span, this.#nextOccurrence),
      blinds,
    };
  }

  close(): void {
    this.#db.close();
  }
}

const none: readonly Span[] = [];

/** Spans of monitors, in order of time by `seq`, with an index on (monitor_id, seq). */
class SpanTable {
  readonly #newest: StatementSync;
  readonly #older: StatementSync;

  constructor(db: DatabaseSync, { table, from, to }: { table: string; from: string; to: string }) {
    const columns = `monitor_id, seq, ${from}, ${to}`;
    // Where none reaches into the span, as is usual, two look-ups per monitor are all.
    this.#newest = asArrays(
      db.prepare(
        `SELECT ${columns} FROM json_each(?) AS wanted CROSS JOIN ${table}
         ON seq = (SELECT max(seq) FROM ${table} WHERE monitor_id = wanted.value)
         WHERE ${to} IS NULL OR ${to} > ?`,
      ),
    );
    this.#older = asArrays(
      db.prepare(`SELECT ${columns} FROM ${table} WHERE monitor_id = ? AND seq < ? ORDER BY seq DESC LIMIT ?`),
    );
  }

  /** By monitor, those that reach into a span; monitors without one are absent. `ids`: as JSON. */
  during(ids: string, span: Span): Map<number, Span[]> {
    const found = new Map<number, Span[]>();
    for (const newest of this.#newest.all(ids, span.fromMs) as unknown as SpanCells[]) {
      const [monitorId] = newest;
      let rows = [newest];
      for (let isThere = false; !isThere && rows.length > 0; ) {
        isThere = !collect(found, rows, span);
        if (!isThere) rows = this.#older.all(monitorId, rows.at(-1)![1], pageSpans) as unknown as SpanCells[];
      }
    }
    return found;
  }
}

/** Adds what reaches into a span; false at the first that ended before it: so did all older ones. */
function collect(found: Map<number, Span[]>, rows: readonly SpanCells[], { fromMs, toMs }: Span): boolean {
  for (const [monitorId, , beganMs, endedMs] of rows) {
    const endMs = endedMs ?? Number.POSITIVE_INFINITY;
    if (endMs < fromMs) return false;
    if (beganMs >= toMs) continue;
    const spans = found.get(monitorId);
    if (spans) spans.push({ fromMs: beganMs, toMs: endMs });
    else found.set(monitorId, [{ fromMs: beganMs, toMs: endMs }]);
  }
  return true;
}

function monitorFact([id, firstBeatMs, maintenance]: FactCells): MonitorFact {
  const windows = maintenance === null || maintenance === '[]' ? [] : JSON.parse(maintenance);
  return { id, firstBeatMs, maintenance: windows as MaintenanceWindow[] };
}

function asArrays(statement: StatementSync): StatementSync {
  statement.setReturnArrays(true);
  return statement;
}
