import type { BeatRecord, Monitor } from '../../engine/domain/monitor.ts';
import { plainConfig } from '../../engine/domain/monitor-config.ts';
import type { History } from '../history/history.ts';
import { type Frame, FrameWriter } from '../journal/beat-frame.ts';
import type { BeatJournal } from '../journal/beat-journal.ts';
import type { Change, ChangeResult, Loaded, MonitorKey } from '../store.ts';
import type { Database } from './database.ts';
import { type MonitorCells, type MonitorRow, monitorFromCells, monitorFromRow, monitorValues } from './monitor-row.ts';
import { MonitorTable } from './monitor-table.ts';
import { movedByBeat, sameState } from './moved-by-beat.ts';
import { RowSweep } from './row-sweep.ts';
import type { SqliteDeliveryQueue } from './sqlite-delivery-queue.ts';
import type { Statements } from './statements.ts';
import { writeDetails } from './write-details.ts';

/** Rows written at once: below 2 ms. Fewer than the least would not share pages. */
const sliceRowsMax = 512;
const sliceRowsMin = 64;
/** Rows read at once at start. */
const pageRows = 5_000;

type Options = {
  db: Database;
  statements: Statements;
  deliveries: SqliteDeliveryQueue;
  journal: BeatJournal;
  history: History;
  /** Growth of the journal per sweep over the rows, bytes. */
  sweepBytes: number;
  /** Of the index of names, an integer. */
  nameSeed: number;
  /** Journal beyond which what the rows do not need any more is dropped, though the history has not taken it, bytes. */
  journalBytesMax: number;
};

/** What becomes of one change. `move`, `same`: its row is not written now, or not at all. */
type Step = {
  kind: 'insert' | 'update' | 'remove' | 'move' | 'same';
  change: Change;
  id: number;
  version: number;
  /** Where it is in the table; -1 when it is new. */
  slot: number;
  /** The newest beat that its row will hold. */
  journalId: number;
  /** Its configuration is not what it was. */
  reconfigured: boolean;
};

/**
 * The monitors: their state in memory, the truth of this single writer, and what makes it durable. The plain beat, an
 * `ok` that moves a deadline, is only appended to the journal of beats; its monitor's row is written behind, by a sweep
 * in slices. Everything else writes the row at once, in a transaction that the journal's frame refers to: the frame
 * counts only if the transaction is there. A start reads the rows and replays the journal's tail.
 */
export class JournaledMonitors {
  readonly #options: Options;
  readonly #table: MonitorTable;
  readonly #sweep = new RowSweep();
  readonly #frame = new FrameWriter();
  /** The id of the newest beat. */
  #journalId = 0;
  /** Every row holds what beats up to this id did. */
  #writtenUpTo = 0;
  /** The newest transaction that a frame may refer to. */
  #transaction = 0;
  /** The highest id that a monitor ever had: ids are never used again. */
  #lastId = 0;

  constructor(options: Options) {
    this.#options = options;
    const { monitors } = options.statements.countMonitors.get() as { monitors: number };
    this.#table = new MonitorTable({ capacity: Math.ceil(monitors * 1.1), seed: options.nameSeed });
    this.#read();
  }

  get size(): number {
    return this.#table.size;
  }

  naming(channel: string): string | null {
    return this.#table.naming(channel);
  }

  byId(id: number): Monitor | undefined {
    const slot = this.#table.slotOfId(id);
    return slot < 0 ? undefined : this.#table.at(slot);
  }

  load(key: MonitorKey): Loaded {
    const slot = this.#slotOf(key);
    if (slot < 0) return notThere;
    const monitor = this.#table.at(slot);
    const beatId = 'name' in key ? key.beatId : undefined;
    return { monitor, seenBeat: beatId ? this.#options.history.seenBeat(monitor.id, beatId) : undefined };
  }

  #slotOf(key: MonitorKey): number {
    if ('name' in key) return this.#table.slotOfName(key.name);
    if ('incidentId' in key) return this.#table.slotOfIncident(key.incidentId);
    return 'id' in key ? this.#table.slotOfId(key.id) : this.#table.slotOfPingId(key.pingId);
  }

  /** Whether any of these is more than a plain beat. A note is not plain here: rare enough to wait with the rest. */
  areMoreThanPlain(changes: readonly Change[]): boolean {
    return changes.some((change) => this.#moverOf(change, this.#table.slotOfId(change.monitor.id)) === null);
  }

  /** All changes or, when it throws, none; memory follows when they are durable. */
  commit(changes: readonly Change[]): ChangeResult[] {
    const { db, journal, deliveries } = this.#options;
    const { results, steps } = this.#plan(changes);
    const inDatabase = steps.filter(needsDatabase);
    const { beats } = this.#frame;
    const transaction = beats > 0 && inDatabase.length > 0 ? this.#transaction + 1 : 0;
    if (beats > 0) journal.append(this.#frame.finish(transaction), this.#journalId + 1);
    else journal.mend();
    if (inDatabase.length > 0) {
      try {
        db.transaction(() => this.#writeSteps(inDatabase, transaction));
      } catch (error) {
        deliveries.rollBack();
        if (beats > 0) journal.undo();
        throw error;
      }
    }
    this.#frame.stored();
    if (transaction > 0) this.#transaction = transaction;
    this.#journalId += beats;
    for (const step of steps) this.#follow(step);
    deliveries.follow();
    return results;
  }

  /** Writes a slice of the rows that are behind, if the sweep is due to go on, and lets go of journal that is not needed. */
  writeBehind(): void {
    const { sweepBytes, journal, history } = this.#options;
    const { appendedBytes } = journal;
    const due = this.#sweep.due({ appendedBytes, sweepBytes, limit: sliceRowsMax });
    if (due > 0 && this.#writeSlice(Math.max(due, sliceRowsMin))) this.#dropJournal();
    const { end } = journal;
    if (end) history.follow(end, { journalId: this.#journalId, behindBytes: journal.bytesBehind(history.taken) });
  }

  /** What every change will be, in order; their beats are in the frame. Nothing changes yet. */
  #plan(changes: readonly Change[]): { results: ChangeResult[]; steps: Step[] } {
    const seen: Seen = { slots: new Set(), added: new Set(), removed: new Set() };
    const results: ChangeResult[] = [];
    const steps: Step[] = [];
    this.#frame.begin(this.#journalId + 1, { isFirst: this.#options.journal.isAtSegmentEnd });
    for (const change of changes) {
      const step = this.#planChange(change, seen);
      if (step === null) {
        results.push(conflict);
        continue;
      }
      steps.push(step);
      results.push({ ok: true, id: step.id, version: step.version });
    }
    return { results, steps };
  }

  /** Null: a conflict. */
  #planChange(change: Change, seen: Seen): Step | null {
    const { monitor, remove } = change;
    if (monitor.id === 0) return this.#planNew(change, seen);
    const slot = this.#table.slotOfId(monitor.id);
    if (slot < 0 || seen.slots.has(slot) || this.#table.versionAt(slot) !== monitor.version) return null;
    seen.slots.add(slot);
    // The sooner comparison spares the hot path an object.
    const isSame =
      !remove && this.#table.lastBeatMsAt(slot) === monitor.lastBeatMs && sameState(this.#table.at(slot), monitor);
    const mover = isSame ? null : this.#moverOf(change, slot);
    this.#addBeats(monitor.id, change, mover);
    const journalId = this.#journalId + this.#frame.beats;
    // Where nothing is to be made again after a restart, the version must stay what it is as well.
    const { id, version } = monitor;
    if (isSame) return { kind: 'same', change, id, version, slot, journalId, reconfigured: false };
    if (remove) seen.removed.add(monitor.name);
    const kind = remove ? 'remove' : mover ? 'move' : 'update';
    const reconfigured = this.#table.configAt(slot) !== monitor.config;
    return { kind, change, id, version: version + 1, slot, journalId, reconfigured };
  }

  /** The beat that stands for the row in the journal (see `movedByBeat`). */
  #moverOf(change: Change, slot: number): BeatRecord | null {
    return slot >= 0 && this.#table.configAt(slot) === change.monitor.config ? movedByBeat(change) : null;
  }

  #planNew(change: Change, seen: Seen): Step | null {
    const { name } = change.monitor;
    const taken = this.#table.slotOfName(name) >= 0 && !seen.removed.has(name);
    if (taken || seen.added.has(name) || change.remove) return null;
    seen.added.add(name);
    const id = this.#lastId + seen.added.size;
    this.#addBeats(id, change, null);
    const reconfigured = change.monitor.config !== plainConfig;
    const journalId = this.#journalId + this.#frame.beats;
    return { kind: 'insert', change, id, version: 1, slot: -1, journalId, reconfigured };
  }

  /** `mover`: the beat that stands for the row in the journal. */
  #addBeats(id: number, { monitor, beats }: Change, mover: BeatRecord | null): void {
    for (const beat of beats) this.#frame.add(id, beat, beat === mover ? monitor : null);
  }

  #writeSteps(steps: readonly Step[], transaction: number): void {
    const { statements, deliveries } = this.#options;
    for (const step of steps) {
      const { kind, change, id, version, journalId } = step;
      const values = () => monitorValues(change.monitor, version, journalId);
      if (kind === 'insert') statements.insert.run(id, change.monitor.name, ...values());
      else if (kind === 'update') statements.update.run(...values(), id);
      else if (kind === 'remove') {
        statements.remove.run(id);
      }
      writeDetails(statements, step);
      for (const delivery of change.deliveries) deliveries.add(id, delivery);
    }
    if (transaction > 0) statements.setTransaction.run(transaction);
  }

  #follow({ kind, change, id, version, slot }: Step): void {
    switch (kind) {
      case 'insert':
        this.#table.add({ ...change.monitor, id, version });
        this.#lastId = Math.max(this.#lastId, id);
        break;
      case 'update':
        this.#table.put(slot, change.monitor, version);
        this.#sweep.clear(slot);
        break;
      case 'move':
        this.#table.put(slot, change.monitor, version);
        this.#sweep.mark(slot);
        break;
      case 'remove':
        this.#table.remove(slot);
        this.#sweep.clear(slot);
        break;
    }
    for (const { beatId, atMs } of change.beats) {
      if (beatId === '') continue;
      const { segment } = this.#options.journal.end!;
      this.#options.history.noteBeat(segment, { monitorId: id, beatId, atMs });
    }
  }

  /** True when the sweep is round. */
  #writeSlice(limit: number): boolean {
    const { db, statements, journal } = this.#options;
    const { end } = this.#table;
    const slots = this.#sweep.next(limit, end);
    if (slots.length > 0) db.transaction(() => this.#writeRows(slots));
    const { appendedBytes } = journal;
    const writtenUpTo = this.#sweep.wrote(slots, { end, limit, journalId: this.#journalId, appendedBytes });
    if (writtenUpTo === null) return false;
    db.run(() => statements.setWrittenUpTo.run(writtenUpTo));
    this.#writtenUpTo = writtenUpTo;
    return true;
  }

  /** Of monitors whose last change was a plain beat. */
  #writeRows(slots: readonly number[]): void {
    const { move } = this.#options.statements;
    for (const slot of slots) {
      const { id, version, frequencyMs, graceMs, lastBeatMs, dueMs, deadlineMs } = this.#table.at(slot);
      move.run(version, frequencyMs, graceMs, lastBeatMs, dueMs, deadlineMs, this.#journalId, id);
    }
  }

  /** Journal that a start does not need any more, and that the history has; too long a one is dropped without the latter. */
  #dropJournal(): void {
    const { journal, history, journalBytesMax } = this.#options;
    const isTooLong = journal.bytes > journalBytesMax;
    const dropped = journal.dropUpTo(
      isTooLong ? this.#writtenUpTo : Math.min(this.#writtenUpTo, history.taken.segment - 1),
    );
    const lost = dropped.find((segment) => segment >= history.taken.segment);
    if (lost !== undefined) history.lost(lost);
  }

  /** Reads the rows, then replays the beats that they do not hold yet. */
  #read(): void {
    const { db, statements, journal, history } = this.#options;
    db.run(() => {
      const bounds = statements.journalBounds.get() as { writtenUpTo: number; transaction: number; lastId: number };
      this.#writtenUpTo = this.#journalId = bounds.writtenUpTo;
      this.#transaction = bounds.transaction;
      this.#lastId = bounds.lastId;
      const rowsUpTo = this.#readRows();
      journal.read((frame, segment) => {
        if (frame.transaction > this.#transaction) return false;
        this.#replay(frame, segment, rowsUpTo);
        return true;
      });
      // Ids of beats are never used again, those of beats that were lost with the journal included.
      const { newestId } = history;
      history.begin(journal.end, this.#journalId);
      this.#journalId = Math.max(this.#journalId, newestId);
    });
    this.#sweep.begin(this.#journalId, journal.bytes);
  }

  /** Returns, by slot, the beat up to which each row is written. */
  #readRows(): number[] {
    const { monitorsFrom, rareMonitors } = this.#options.statements;
    const rowsUpTo: number[] = [];
    for (let afterId = 0, rows: MonitorCells[]; ; afterId = rows.at(-1)![0]) {
      rows = monitorsFrom.all(afterId, pageRows) as unknown as MonitorCells[];
      for (const cells of rows) {
        const journalId = cells[10];
        rowsUpTo[this.#table.add(monitorFromCells(cells))] = journalId;
        if (journalId > this.#journalId) this.#journalId = journalId;
      }
      if (rows.length < pageRows) break;
    }
    for (const row of rareMonitors.iterate() as Iterable<unknown> as Iterable<MonitorRow>) {
      this.#table.put(this.#table.slotOfId(row.id), monitorFromRow(row), row.version);
    }
    return rowsUpTo;
  }

  #replay({ beats }: Frame, segment: number, rowsUpTo: readonly number[]): void {
    for (const beat of beats) {
      const { id, monitorId, beatId, atMs, move } = beat;
      if (id > this.#journalId) this.#journalId = id;
      if (beatId !== '') this.#options.history.noteBeat(segment, beat);
      const slot = this.#table.slotOfId(monitorId);
      // The monitor was removed, or its row was written later.
      if (move === null || slot < 0 || id <= rowsUpTo[slot]!) continue;
      // No plain beat ends an incident: what would is no beat that was acknowledged.
      if (this.#table.hasIncidentAt(slot)) continue;
      this.#table.move(slot, { atMs, frequencyMs: move.frequencyMs, graceMs: move.graceMs });
      this.#sweep.mark(slot);
    }
  }
}

/** What one commit has already touched. */
type Seen = { slots: Set<number>; added: Set<string>; removed: Set<string> };

const conflict: ChangeResult = { ok: false, reason: 'conflict' };
const notThere: Loaded = { monitor: undefined, seenBeat: undefined };

function needsDatabase({ kind, change }: Step): boolean {
  const { incidents, pauses, deliveries } = change;
  return (kind !== 'move' && kind !== 'same') || incidents.length > 0 || pauses.length > 0 || deliveries.length > 0;
}
