import type { DatabaseSync } from 'node:sqlite';
import type { BeatLinks } from './beat-links.ts';
import { inTransaction } from './history-database.ts';
import type { SourceRows } from './source-rows.ts';

/** How long beats are kept. */
export type BeatLimits = {
  /** The newest of each monitor. */
  beatsPerMonitor: number;
  /** Since they were received. */
  beatsMaxAgeMs: number;
  /** Of all of history, what is deleted first are the oldest beats. */
  bytesMax: number;
};

/** Rows looked at, or deleted, in one step: some ms. */
const sliceRows = 5_000;
/** Fewer are not worth a sweep. */
const surplusMin = 20_000;
/** A sweep looks at every beat, so about so much of them must go. */
const surplusShare = 0.5;
/** Once too large, it shrinks by so much more. */
const slack = 1 / 32;
/** Pages given back to the disk in one step. */
const vacuumPages = 500;

/**
 * Deletes beats, a step at a time: those that are too old and, when the history is too large, the oldest, from the old end;
 * those beyond their monitor's newest, and those of monitors that are gone, in sweeps over all. Only what is linked may go:
 * the rest waits for the next checkpoint, which is written no more often for it.
 */
export class BeatRetention {
  readonly #db: DatabaseSync;
  readonly #links: BeatLinks;
  readonly #sources: SourceRows;
  readonly #limits: BeatLimits;
  readonly #statements: ReturnType<typeof prepare>;
  /** Where the sweep is; null: none is under way. */
  #sweptUpTo: number | null = null;
  /** The surplus that the sweep will have removed. */
  #sweptSurplus = 0;
  #isShrinking = false;
  #areSourcesDue = false;
  #gone: ReadonlySet<number> = new Set();

  constructor(db: DatabaseSync, { links, sources, ...limits }: BeatLimits & { links: BeatLinks; sources: SourceRows }) {
    this.#db = db;
    this.#links = links;
    this.#sources = sources;
    this.#limits = limits;
    db.function('keeps_beat', (monitorId, seq) => (this.#keeps(Number(monitorId), Number(seq)) ? 1 : 0));
    this.#statements = prepare(db);
  }

  /** Sweeps out the beats of these monitors, and what else is surplus. */
  sweepOut(gone: ReadonlySet<number>): void {
    this.#gone = gone;
    this.#beginSweep();
  }

  get isSweeping(): boolean {
    return this.#sweptUpTo !== null;
  }

  /** One step of what there is to delete; false when there is nothing. */
  step(nowMs: number): boolean {
    if (this.#sweptUpTo !== null) return this.#sweep();
    if (this.#isSurplusDue()) {
      this.#beginSweep();
      return true;
    }
    if (this.#dropOld(nowMs - this.#limits.beatsMaxAgeMs)) return true;
    if (this.#areSourcesDue) this.#areSourcesDue = this.#sources.trim();
    return this.#areSourcesDue || this.#shrink();
  }

  #keeps(monitorId: number, seq: number): boolean {
    if (this.#gone.has(monitorId)) return false;
    const { heads } = this.#links;
    const place = heads.find(monitorId);
    return place >= 0 && seq > heads.countAt(place) - this.#limits.beatsPerMonitor;
  }

  #isSurplusDue(): boolean {
    const { beats, surplus } = this.#statements.rows.get() as { beats: number; surplus: number };
    return surplus >= surplusMin && surplus >= beats * surplusShare;
  }

  #beginSweep(): void {
    this.#links.checkpoint();
    this.#sweptUpTo = 0;
    this.#sweptSurplus = (this.#statements.rows.get() as { surplus: number }).surplus;
  }

  #sweep(): boolean {
    const { sliceEnd, sweep, count } = this.#statements;
    const from = this.#sweptUpTo!;
    const slice = sliceEnd.get(from, this.#links.linkedUpTo, sliceRows - 1) as { id: number } | undefined;
    const to = slice?.id ?? this.#links.linkedUpTo;
    inTransaction(this.#db, () => {
      const deleted = Number(sweep.run(from, to).changes);
      count.run(deleted, slice ? 0 : this.#sweptSurplus);
    });
    this.#sweptUpTo = slice ? to : null;
    this.#areSourcesDue ||= !slice;
    return true;
  }

  #dropOld(beforeMs: number): boolean {
    const { oldest } = this.#statements;
    const first = oldest.get() as { receivedMs: number } | undefined;
    if (first === undefined || first.receivedMs >= beforeMs) return false;
    return this.#dropOldest(beforeMs);
  }

  #shrink(): boolean {
    const { bytesMax } = this.#limits;
    const { pages, free, pageBytes } = this.#statements.size.get() as {
      pages: number;
      free: number;
      pageBytes: number;
    };
    const usedBytes = (pages - free) * pageBytes;
    this.#isShrinking = usedBytes > (this.#isShrinking ? bytesMax * (1 - slack) : bytesMax);
    if (this.#isShrinking && this.#dropOldest(Number.POSITIVE_INFINITY)) return true;
    if (free === 0 || pages * pageBytes <= bytesMax) return false;
    // The bound was set lower: the file gives back what it does not use.
    this.#db.exec(`PRAGMA incremental_vacuum(${vacuumPages})`);
    return (this.#statements.size.get() as { pages: number }).pages < pages;
  }

  /** Deletes from the old end, up to a beat that was received at `beforeMs` or later; false when none could go. */
  #dropOldest(beforeMs: number): boolean {
    const { drop, count } = this.#statements;
    const upTo = this.#deletable(beforeMs);
    if (upTo === 0) return false;
    inTransaction(this.#db, () => count.run(Number(drop.run(upTo).changes), 0));
    this.#areSourcesDue = true;
    return true;
  }

  /** The last of the oldest that may go now; 0: none. */
  #deletable(beforeMs: number): number {
    const rows = this.#statements.oldestRows.all(this.#links.linkedUpTo, sliceRows) as { id: number; at: number }[];
    const kept = rows.findIndex(({ at }) => at >= beforeMs);
    return (kept < 0 ? rows.at(-1)?.id : rows[kept - 1]?.id) ?? 0;
  }
}

function prepare(db: DatabaseSync) {
  return {
    rows: db.prepare('SELECT beats, surplus FROM taken'),
    count: db.prepare('UPDATE taken SET beats = beats - ?, surplus = max(0, surplus - ?)'),
    sliceEnd: db.prepare('SELECT id FROM beats WHERE id > ? AND id <= ? ORDER BY id LIMIT 1 OFFSET ?'),
    sweep: db.prepare('DELETE FROM beats WHERE id > ? AND id <= ? AND NOT keeps_beat(monitor_id, seq)'),
    oldest: db.prepare('SELECT received_ms AS receivedMs FROM beats ORDER BY id LIMIT 1'),
    oldestRows: db.prepare('SELECT id, received_ms AS at FROM beats WHERE id <= ? ORDER BY id LIMIT ?'),
    drop: db.prepare('DELETE FROM beats WHERE id <= ?'),
    size: db.prepare(
      `SELECT page_count AS pages, freelist_count AS free, page_size AS pageBytes
       FROM pragma_page_count, pragma_freelist_count, pragma_page_size`,
    ),
  };
}
