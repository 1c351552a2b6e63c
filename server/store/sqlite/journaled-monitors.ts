import type { BeatRecord, Monitor } from '../../engine/domain/monitor.ts';
import type { Change, ChangeResult, Loaded, MonitorKey } from '../store.ts';
import type { Database } from './database.ts';
import { type MonitorCells, type MonitorRow, monitorFromCells, monitorFromRow, monitorValues } from './monitor-row.ts';
import { MonitorTable } from './monitor-table.ts';
import { movedByBeat, sameState } from './moved-by-beat.ts';
import { RowSweep } from './row-sweep.ts';
import type { SqliteDeliveryQueue } from './sqlite-delivery-queue.ts';
import type { Statements } from './statements.ts';

/** Rows written at once: below 2 ms. Fewer than the least would not share pages. */
const sliceRowsMax = 512;
const sliceRowsMin = 64;
/** Rows read at once at start. */
const pageRows = 5_000;

type Options = {
  db: Database;
  statements: Statements;
  deliveries: SqliteDeliveryQueue;
  /** Beats in the journal per sweep over the rows. */
  sweepBeats: number;
};
/** What memory must follow once the transaction is durable. */
type Follow =
  | { kind: 'add'; monitor: Monitor }
  | { kind: 'put'; slot: number; monitor: Monitor; behind: boolean }
  | { kind: 'remove'; slot: number };

/**
 * The monitors: their state in memory, the truth of this single writer, and what makes it durable. The plain beat, an
 * `ok` that moves a deadline, is only appended to the journal of beats; its monitor's row is written behind, by a sweep
 * in slices. Everything else writes the row at once. A start reads the rows and replays the journal's tail.
 */
export class JournaledMonitors {
  readonly #options: Options;
  readonly #table: MonitorTable;
  readonly #sweep = new RowSweep();
  /** The id of the newest beat. */
  #journalId = 0;
  /** Every row holds what beats up to this id did. */
  #writtenUpTo = 0;

  constructor(options: Options) {
    this.#options = options;
    const { monitors } = options.statements.countMonitors.get() as { monitors: number };
    this.#table = new MonitorTable(Math.ceil(monitors * 1.1));
    this.#read();
  }

  get size(): number {
    return this.#table.size;
  }

  byId(id: number): Monitor | undefined {
    const slot = this.#table.slotOfId(id);
    return slot === undefined ? undefined : this.#table.at(slot);
  }

  load(key: MonitorKey): Loaded {
    const slot = 'id' in key ? this.#table.slotOfId(key.id) : this.#table.slotOfName(key.name);
    if (slot === undefined) return { monitor: undefined, seenBeat: undefined };
    const monitor = this.#table.at(slot);
    const beatId = 'id' in key ? undefined : key.beatId;
    if (!beatId) return { monitor, seenBeat: undefined };
    const { beatById } = this.#options.statements;
    return { monitor, seenBeat: beatById.get(monitor.id, beatId) as { atMs: number } | undefined };
  }

  /** All changes in one transaction; memory follows when it is durable. */
  commit(changes: readonly Change[]): ChangeResult[] {
    const journalId = this.#journalId;
    const follow: Follow[] = [];
    try {
      const results = this.#options.db.transaction(() => {
        const seen: Seen = { slots: new Set(), added: new Set(), removed: new Set() };
        return changes.map((change) => this.#write(change, seen, follow));
      });
      for (const step of follow) this.#follow(step);
      this.#options.deliveries.follow();
      return results;
    } catch (error) {
      this.#journalId = journalId;
      this.#options.deliveries.rollBack();
      throw error;
    }
  }

  /** Writes a slice of the rows that are behind, if the sweep is due to go on. */
  writeBehind(): void {
    const { sweepBeats } = this.#options;
    const due = this.#sweep.due({ journalId: this.#journalId, sweepBeats, limit: sliceRowsMax });
    if (due > 0) this.#writeSlice(Math.max(due, sliceRowsMin));
  }

  /**
   * Before history is trimmed to the newest `keep` beats: those that go must not be needed by a start any more. Few rows
   * are written for it at once; many are left to the sweep, and the history stays longer until it is round.
   */
  writeForTrim(keep: number): void {
    // What is left of a round, then a whole one.
    for (let rounds = 0; rounds < 2 && this.#writtenUpTo < this.#journalId - keep; ) {
      if (this.#sweep.count >= sliceRowsMax) return;
      if (this.#writeSlice(sliceRowsMax)) rounds += 1;
    }
  }

  /** True when the sweep is round. */
  #writeSlice(limit: number): boolean {
    const { db, statements } = this.#options;
    const { end } = this.#table;
    const slots = this.#sweep.next(limit, end);
    if (slots.length > 0) db.transaction(() => this.#writeRows(slots));
    const writtenUpTo = this.#sweep.wrote(slots, { end, limit, journalId: this.#journalId });
    if (writtenUpTo === null) return false;
    db.run(() => statements.setWrittenUpTo.run(writtenUpTo));
    this.#writtenUpTo = writtenUpTo;
    return true;
  }

  #writeRows(slots: readonly number[]): void {
    for (const slot of slots) this.#writeRow(this.#table.at(slot), this.#journalId);
  }

  #writeRow(monitor: Monitor, journalId: number): void {
    this.#options.statements.update.run(...monitorValues(monitor, journalId), monitor.id);
  }

  #write(change: Change, seen: Seen, follow: Follow[]): ChangeResult {
    const { monitor, remove } = change;
    const slot = monitor.id === 0 ? null : this.#table.slotOfId(monitor.id);
    if (slot === null) return this.#writeNew(change, seen, follow);
    if (slot === undefined || seen.slots.has(slot) || this.#table.versionAt(slot) !== monitor.version) return conflict;
    seen.slots.add(slot);
    const { id } = monitor;
    if (remove) {
      this.#options.statements.remove.run(id);
      this.#options.deliveries.forget(id);
      seen.removed.add(monitor.name);
      follow.push({ kind: 'remove', slot });
      this.#append(id, change, null);
      return { ok: true, id, version: monitor.version + 1 };
    }
    if (sameState(this.#table.at(slot), monitor)) {
      // Nothing to make again after a restart, so the version must stay what it is as well.
      this.#append(id, change, null);
      return { ok: true, id, version: monitor.version };
    }
    const next = { ...monitor, version: monitor.version + 1 };
    const mover = movedByBeat(change);
    if (mover === null) this.#writeRow(next, this.#journalId + change.beats.length);
    follow.push({ kind: 'put', slot, monitor: next, behind: mover !== null });
    this.#append(id, change, mover);
    return { ok: true, id, version: next.version };
  }

  #writeNew(change: Change, seen: Seen, follow: Follow[]): ChangeResult {
    const { name } = change.monitor;
    const taken = this.#table.slotOfName(name) !== undefined && !seen.removed.has(name);
    if (taken || seen.added.has(name) || change.remove) return conflict;
    seen.added.add(name);
    const journalId = this.#journalId + change.beats.length;
    const fresh = { ...change.monitor, version: 1 };
    const { lastInsertRowid } = this.#options.statements.insert.run(name, ...monitorValues(fresh, journalId));
    const id = Number(lastInsertRowid);
    this.#append(id, change, null);
    follow.push({ kind: 'add', monitor: { ...fresh, id } });
    return { ok: true, id, version: 1 };
  }

  /** Beats, incidents and deliveries of a change. `mover`: the beat that stands for the row in the journal. */
  #append(id: number, { monitor, beats, incidents, deliveries }: Change, mover: BeatRecord | null): void {
    const { insertBeat, addIncident, endIncident } = this.#options.statements;
    for (const beat of beats) {
      const { status, atMs, receivedMs, message, durationMs, exitCode, run, beatId } = beat;
      const [frequencyMs, graceMs] = beat === mover ? [monitor.frequencyMs, monitor.graceMs] : [null, null];
      this.#journalId += 1;
      insertBeat.run(
        this.#journalId,
        id,
        status,
        atMs,
        receivedMs,
        message,
        durationMs,
        exitCode,
        run,
        beatId,
        frequencyMs,
        graceMs,
      );
    }
    for (const { id: incidentId, reason, startedMs, endedMs } of incidents) {
      const ended = endedMs !== null && Number(endIncident.run(endedMs, id, incidentId).changes) === 1;
      if (!ended) addIncident.run(incidentId, id, reason, startedMs, endedMs);
    }
    for (const delivery of deliveries) this.#options.deliveries.add(id, delivery);
  }

  #follow(step: Follow): void {
    switch (step.kind) {
      case 'add':
        this.#table.add(step.monitor);
        break;
      case 'put':
        this.#table.put(step.slot, step.monitor);
        if (step.behind) this.#sweep.mark(step.slot);
        else this.#sweep.clear(step.slot);
        break;
      case 'remove':
        this.#table.remove(step.slot);
        this.#sweep.clear(step.slot);
        break;
    }
  }

  /** Reads the rows, then replays the beats that they do not hold yet. */
  #read(): void {
    const { db, statements } = this.#options;
    db.run(() => {
      const { end, writtenUpTo } = statements.journalBounds.get() as { end: number; writtenUpTo: number };
      this.#journalId = end;
      this.#writtenUpTo = writtenUpTo;
      this.#replay(writtenUpTo, this.#readRows());
    });
    this.#sweep.begin(this.#journalId);
  }

  /** Returns, by slot, the beat up to which each row is written. */
  #readRows(): number[] {
    const { monitorsFrom, rareMonitors } = this.#options.statements;
    const writtenUpTo: number[] = [];
    for (let afterId = 0, rows: MonitorCells[]; ; afterId = rows.at(-1)![0]) {
      rows = monitorsFrom.all(afterId, pageRows) as unknown as MonitorCells[];
      for (const cells of rows) {
        const journalId = cells[10];
        writtenUpTo[this.#table.add(monitorFromCells(cells))] = journalId;
        if (journalId > this.#journalId) this.#journalId = journalId;
      }
      if (rows.length < pageRows) break;
    }
    for (const row of rareMonitors.iterate() as Iterable<unknown> as Iterable<MonitorRow>) {
      this.#table.put(this.#table.slotOfId(row.id)!, monitorFromRow(row));
    }
    return writtenUpTo;
  }

  #replay(afterId: number, writtenUpTo: readonly number[]): void {
    const { journalFrom } = this.#options.statements;
    type MoveCells = [id: number, monitorId: number, atMs: number, frequencyMs: number, graceMs: number];
    for (let from = afterId, moves: MoveCells[]; ; from = moves.at(-1)![0]) {
      moves = journalFrom.all(from, pageRows) as unknown as MoveCells[];
      for (const [id, monitorId, atMs, frequencyMs, graceMs] of moves) {
        const slot = this.#table.slotOfId(monitorId);
        // The monitor was removed, or its row was written later.
        if (slot === undefined || id <= writtenUpTo[slot]!) continue;
        this.#table.move(slot, { atMs, frequencyMs, graceMs });
        this.#sweep.mark(slot);
      }
      if (moves.length < pageRows) break;
    }
  }
}

/** What one transaction has already touched. */
type Seen = { slots: Set<number>; added: Set<string>; removed: Set<string> };

const conflict: ChangeResult = { ok: false, reason: 'conflict' };
