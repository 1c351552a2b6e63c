import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { JournalBeat } from '../journal/beat-frame.ts';
import { BeatHeads } from './beat-heads.ts';
import type { LinkedBeat } from './beat-rows.ts';
import { DayCounts } from './day-counts.ts';
import { decodeDurations, encodeDurations, mergeDurations } from './duration-stats.ts';
import { inTransaction } from './history-database.ts';
import { MultiRow } from './multi-row.ts';

/** Rows read at once. */
const pageRows = 5_000;
/** Counts in memory that are dear; for as many monitors it may be more. */
const extraCountsMax = 20_000;

/**
 * What follows from the beats of the history: the chain of each monitor's beats, and their counts by day. It is kept in
 * memory and written in large steps, with the id of the beat that it reaches (`taken.linked_up_to`), in one transaction:
 * rows of monitors lie far apart, and writing them with each batch would cost several times the beats themselves. A start
 * follows the beats behind that id again, so each counts once.
 */
export class BeatLinks {
  readonly heads = new BeatHeads();
  readonly counts = new DayCounts();
  readonly #db: DatabaseSync;
  readonly #head: MultiRow;
  readonly #day: MultiRow;
  readonly #durations: StatementSync;
  readonly #setDurations: StatementSync;
  readonly #setLinked: StatementSync;
  /** Places whose head is not written. */
  #dirty = new Uint8Array(0);
  #newestId: number;
  #linkedUpTo: number;
  /** How many of its newest beats a monitor keeps. */
  readonly #keptPerMonitor: number;
  /** The newest beat before those linked last, then of each its place, and what was there. */
  #undo: number[] = [];

  constructor(db: DatabaseSync, { beatsPerMonitor }: { beatsPerMonitor: number }) {
    this.#db = db;
    this.#keptPerMonitor = beatsPerMonitor;
    this.#head = new MultiRow(
      db,
      'INSERT INTO heads (monitor_id, last_id, beats)',
      3,
      'ON CONFLICT (monitor_id) DO UPDATE SET last_id = excluded.last_id, beats = excluded.beats',
    );
    this.#day = new MultiRow(
      db,
      'INSERT INTO days (day, monitor_id, beats, failures)',
      4,
      'ON CONFLICT DO UPDATE SET beats = beats + excluded.beats, failures = failures + excluded.failures',
    );
    this.#durations = db.prepare('SELECT durations FROM days WHERE day = ? AND monitor_id = ?');
    this.#setDurations = db.prepare('UPDATE days SET durations = ? WHERE day = ? AND monitor_id = ?');
    this.#setLinked = db.prepare('UPDATE taken SET linked_up_to = ?');
    const taken = db.prepare('SELECT linked_up_to AS linkedUpTo FROM taken').get() as { linkedUpTo: number };
    this.#newestId = this.#linkedUpTo = taken.linkedUpTo;
    this.#readHeads();
    this.#followBeats();
  }

  /** The newest beat of the history; those that come must be newer. */
  get newestId(): number {
    return this.#newestId;
  }

  /** Up to this beat everything is written: what is older may be deleted. */
  get linkedUpTo(): number {
    return this.#linkedUpTo;
  }

  /** Whether memory asks for a checkpoint. */
  get isFull(): boolean {
    return this.counts.extra > Math.max(extraCountsMax, this.heads.size);
  }

  /**
   * Puts beats that are newer than all before behind their monitors' chains. Returns them, and how many of them make an
   * older one go, because a monitor keeps only so many. To be followed by `count`, or `unlink`.
   */
  link(beats: readonly JournalBeat[]): { linked: LinkedBeat[]; surplus: number } {
    const { heads } = this;
    this.#undo = [this.#newestId];
    let surplus = 0;
    const linked = beats as LinkedBeat[];
    for (const beat of linked) {
      const place = heads.placeOf(beat.monitorId);
      beat.previous = heads.lastIdAt(place);
      beat.seq = heads.countAt(place) + 1;
      if (beat.seq > this.#keptPerMonitor) surplus += 1;
      this.#undo.push(place, beat.previous, beat.seq - 1);
      heads.set(place, beat.id, beat.seq);
      this.#markDirty(place);
      this.#newestId = beat.id;
    }
    return { linked, surplus };
  }

  /** What was linked last is stored. */
  count(beats: readonly LinkedBeat[]): void {
    for (let n = 0; n < beats.length; n++) this.counts.add(this.#undo[1 + 3 * n]!, beats[n]!);
  }

  /** What was linked last could not be stored. */
  unlink(): void {
    const undo = this.#undo;
    for (let at = undo.length - 3; at > 0; at -= 3) this.heads.set(undo[at]!, undo[at + 1]!, undo[at + 2]!);
    this.#newestId = undo[0]!;
  }

  /** Writes what is only in memory. */
  checkpoint(): void {
    if (this.#linkedUpTo === this.#newestId) return;
    inTransaction(this.#db, () => {
      const places = this.#dirtyPlaces();
      this.#writeHeads(places);
      this.#writeDays(places);
      this.#setLinked.run(this.#newestId);
    });
    this.#linkedUpTo = this.#newestId;
    this.#dirty.fill(0);
    this.counts.clear();
  }

  /** Forgets monitors. Right behind a checkpoint: nothing of them may wait to be written. */
  forget(monitorIds: readonly number[]): void {
    this.checkpoint();
    const remove = this.#db.prepare('DELETE FROM heads WHERE monitor_id = ?');
    inTransaction(this.#db, () => {
      for (const monitorId of monitorIds) remove.run(monitorId);
    });
    for (const monitorId of monitorIds) this.heads.remove(monitorId);
  }

  #readHeads(): void {
    const page = this.#db.prepare(
      'SELECT monitor_id, last_id, beats FROM heads WHERE monitor_id > ? ORDER BY 1 LIMIT ?',
    );
    page.setReturnArrays(true);
    for (let after = -1; ; ) {
      const rows = page.all(after, pageRows) as unknown as [monitorId: number, lastId: number, beats: number][];
      for (const [monitorId, lastId, beats] of rows) this.heads.set(this.heads.placeOf(monitorId), lastId, beats);
      if (rows.length < pageRows) return;
      after = rows.at(-1)![0];
    }
  }

  #followBeats(): void {
    type Row = {
      id: number;
      monitorId: number;
      status: JournalBeat['status'];
      atMs: number;
      durationMs: number | null;
    };
    const page = this.#db.prepare(
      `SELECT id, monitor_id AS monitorId, status, at_ms AS atMs, duration_ms AS durationMs, seq FROM beats
       WHERE id > ? ORDER BY id LIMIT ?`,
    );
    for (;;) {
      const rows = page.all(this.#newestId, pageRows) as unknown as (Row & { seq: number })[];
      for (const row of rows) {
        const place = this.heads.placeOf(row.monitorId);
        this.heads.set(place, row.id, row.seq);
        this.#markDirty(place);
        this.counts.add(place, row);
        this.#newestId = row.id;
      }
      if (rows.length < pageRows) return;
    }
  }

  #markDirty(place: number): void {
    if (place >= this.#dirty.length) {
      const longer = new Uint8Array(Math.max(1_024, place + 1, this.#dirty.length * 2));
      longer.set(this.#dirty);
      this.#dirty = longer;
    }
    this.#dirty[place] = 1;
  }

  #writeHeads(places: readonly number[]): void {
    const { heads } = this;
    this.#head.run(places.map((place) => [heads.monitorIdAt(place), heads.lastIdAt(place), heads.countAt(place)]));
  }

  /** In the order of ids, so that neighbours share pages. */
  #dirtyPlaces(): number[] {
    const places: number[] = [];
    for (let place = this.#dirty.indexOf(1); place !== -1; place = this.#dirty.indexOf(1, place + 1)) {
      if (this.heads.monitorIdAt(place) !== 0) places.push(place);
    }
    return places.sort((a, b) => this.heads.monitorIdAt(a) - this.heads.monitorIdAt(b));
  }

  #writeDays(places: readonly number[]): void {
    const { counts, heads } = this;
    const here = places.flatMap((place) => counts.at(place, heads.monitorIdAt(place)) ?? []);
    const all = [...here, ...counts.others];
    this.#day.run(all.map(({ day, monitorId, beats, failures }) => [day, monitorId, beats, failures]));
    for (const { day, monitorId, stats } of this.counts.durations) {
      const { durations } = this.#durations.get(day, monitorId) as { durations: Uint8Array | null };
      const all = durations === null ? null : decodeDurations(durations);
      if (all) mergeDurations(all, stats);
      this.#setDurations.run(encodeDurations(all ?? stats), day, monitorId);
    }
  }
}
