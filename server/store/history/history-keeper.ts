import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { CronOccurrences } from '../../schedule/cron-occurrences.ts';
import { createDataFiles } from '../data-files.ts';
import type { JournalPosition } from '../journal/segment-files.ts';
import { BeatLinks } from './beat-links.ts';
import { BeatReads } from './beat-reads.ts';
import { type BeatLimits, BeatRetention } from './beat-retention.ts';
import { BeatRows } from './beat-rows.ts';
import { DayClosing } from './day-closing.ts';
import { DayReads } from './day-reads.ts';
import { inTransaction, openHistory } from './history-database.ts';
import { JournalTail, type TailBatch } from './journal-tail.ts';
import { MonitorFacts } from './monitor-facts.ts';
import { RemovedMonitors } from './removed-monitors.ts';
import { SourceRows } from './source-rows.ts';

export type HistoryKeeperOptions = BeatLimits & {
  /** Where the journal is. */
  directory: string;
  /** The database of the history. */
  path: string;
  /** The database (`tocsin.db`). */
  databasePath: string;
  /** Sync what is taken over, so that it survives a power cut before the journal lets go of it. */
  sync: boolean;
};

/** Beats in one transaction: some 10 ms, for which reads wait. */
const batchBeats = 5_000;
/** Journal taken over between two checkpoints, bytes: a start follows the beats of as much again. */
const checkpointBytesMax = 64 * 2 ** 20;
/** The same as a part of what the history may hold. */
const checkpointShare = 1 / 16;

/**
 * What the history's thread does, a step at a time: takes beats over from the journal, in order, each once (what has been
 * taken is stored with them); deletes what need not be kept; reads.
 */
export class HistoryKeeper {
  readonly beats: BeatReads;
  readonly days: DayReads;
  readonly #db: DatabaseSync;
  readonly #tail: JournalTail;
  readonly #rows: BeatRows;
  readonly #sources: SourceRows;
  readonly #links: BeatLinks;
  readonly #retention: BeatRetention;
  readonly #closing: DayClosing;
  readonly #removed: RemovedMonitors;
  /** Opened when it is first needed. */
  #facts: MonitorFacts | null = null;
  readonly #setTaken: StatementSync;
  readonly #checkpointBytes: number;
  #taken: JournalPosition;
  #bytesSinceCheckpoint = 0;

  constructor(options: HistoryKeeperOptions) {
    const { directory, path, beatsPerMonitor } = options;
    createDataFiles(directory, [path]);
    this.#db = openHistory(options);
    this.#tail = new JournalTail(directory);
    this.#rows = new BeatRows(this.#db);
    this.#sources = new SourceRows(this.#db);
    this.#links = new BeatLinks(this.#db, options);
    this.#retention = new BeatRetention(this.#db, { ...options, links: this.#links, sources: this.#sources });
    const facts = () => this.#factsOf(options.databasePath);
    this.#closing = new DayClosing(this.#db, facts);
    this.#removed = new RemovedMonitors(this.#db, { links: this.#links, retention: this.#retention, facts });
    this.days = new DayReads(this.#db, { links: this.#links, closing: this.#closing, facts });
    this.beats = new BeatReads(this.#db, { links: this.#links, beatsPerMonitor });
    this.#setTaken = this.#db.prepare(
      'UPDATE taken SET segment = ?, bytes = ?, beats = beats + ?, surplus = surplus + ?',
    );
    this.#checkpointBytes = Math.min(checkpointBytesMax, options.bytesMax * checkpointShare);
    this.#taken = this.#db.prepare('SELECT segment, bytes FROM taken').get() as JournalPosition;
  }

  /** How far it has come. */
  get taken(): JournalPosition {
    return this.#taken;
  }

  /** Takes over some of what the journal holds up to `end`. Returns how many bytes it was; 0 when there is no more. */
  take(end: JournalPosition): number {
    const from = this.#taken;
    const batch = this.#tail.next(from, end, batchBeats);
    if (batch === null) return 0;
    this.#store(batch);
    const bytes = batch.end.segment === from.segment ? batch.end.bytes - from.bytes : 1;
    this.#bytesSinceCheckpoint += bytes;
    if (this.#bytesSinceCheckpoint >= this.#checkpointBytes || this.#links.isFull) {
      this.#links.checkpoint();
      this.#bytesSinceCheckpoint = 0;
    }
    return bytes;
  }

  /** One step of what there is to do besides, as of `nowMs`; false when there is nothing. */
  tidy(nowMs: number): boolean {
    const { closedDay } = this.#closing;
    const isMore = this.#closing.step(nowMs);
    if (this.#closing.closedDay !== closedDay) {
      // So that what is too old can go, however few beats come.
      this.#links.checkpoint();
      this.#removed.look();
    }
    return isMore || this.#removed.step() || this.#retention.step(nowMs);
  }

  /** Days up to this one are closed; null: none yet. */
  get closedDay(): number | null {
    return this.#closing.closedDay;
  }

  close(): void {
    this.#facts?.close();
    this.#db.close();
  }

  #factsOf(path: string): MonitorFacts {
    this.#facts ??= new MonitorFacts(path, new CronOccurrences().next);
    return this.#facts;
  }

  #store({ beats, sources, end }: TailBatch): void {
    // Not those of a journal that is taken over again, see `History.begin`.
    const { newestId } = this.#links;
    const fresh = beats.length > 0 && beats[0]!.id <= newestId ? beats.filter(({ id }) => id > newestId) : beats;
    const { linked, surplus } = this.#links.link(fresh);
    try {
      inTransaction(this.#db, () => {
        this.#rows.insert(linked);
        this.#sources.store(sources, linked);
        this.#setTaken.run(end.segment, end.bytes, linked.length, surplus);
      });
    } catch (error) {
      this.#links.unlink();
      this.#sources.rollBack();
      throw error;
    }
    this.#links.count(linked);
    this.#taken = end;
  }
}
