import { join } from 'node:path';
import type { Clock } from '../../clock.ts';
import type { BlindInterval } from '../../engine/domain/monitor.ts';
import { storedWakeMs } from '../../engine/domain/phase.ts';
import { createDataFiles } from '../data-files.ts';
import type { BeatLimits } from '../history/beat-retention.ts';
import { History } from '../history/history.ts';
import type { HistoryReads } from '../history-types.ts';
import { BeatJournal } from '../journal/beat-journal.ts';
import type { FoundMonitors, MonitorQuery } from '../monitor-query.ts';
import type { Armed, Change, ChangeResult, Loaded, MonitorKey, Store } from '../store.ts';
import { Database, type DatabaseOptions } from './database.ts';
import { findMonitors } from './find-monitors.ts';
import { JournaledMonitors } from './journaled-monitors.ts';
import { lockDirectory } from './process-lock.ts';
import { storedIncident } from './readers/read-queries.ts';
import { ReaderPool } from './readers/reader-pool.ts';
import { SqliteCatalog } from './sqlite-catalog.ts';
import { type DeliveryLimits, SqliteDeliveryQueue } from './sqlite-delivery-queue.ts';
import { prepareStatements, type Statements } from './statements.ts';

/** Blind intervals kept; a server that was interrupted more often has other troubles. */
const blindIntervalsMax = 1_000;
/** Threads that lists are read by. */
const readersMax = 2;

export type SqliteStoreOptions = DatabaseOptions & {
  history?: BeatLimits;
  /**
   * Growth of the journal per sweep over the rows, bytes; a start replays at most twice as much. Default 96 MiB, which is
   * some 2 million plain beats.
   */
  sweepBytes?: number;
  journal?: JournalLimits;
  /** Of the index of names: a random integer, so that nobody can choose names that collide. Default 0. */
  nameSeed?: number;
  deliveries?: Partial<DeliveryLimits>;
  /** As of a `Clock`: long work on deliveries lets others have their turn. Absent: it does not. */
  afterIo?: Clock['afterIo'];
  /** Hears why the history of beats does not grow; nothing else depends on it. */
  onHistoryProblem?: (message: string) => void;
};

/** Sizes of the journal of beats, bytes. */
export type JournalLimits = {
  /** From here on a file is complete. */
  segmentBytes: number;
  /** What the history is behind until it is written. */
  behindBytes: number;
  /** The bound: beyond it, beats go that the history does not have. */
  bytesMax: number;
};

const defaultBeatLimits: BeatLimits = {
  beatsPerMonitor: 1_000,
  beatsMaxAgeMs: 90 * 86_400_000,
  bytesMax: 2 * 2 ** 30,
};

const defaultJournalLimits: JournalLimits = {
  segmentBytes: 8 * 2 ** 20,
  behindBytes: 2 ** 19,
  bytesMax: 512 * 2 ** 20,
};

/**
 * The embedded store, one process at a time in `directory`: the database (`tocsin.db`), the journal of beats
 * (`beats-*.log`), their history (`history.db`), and a lock.
 */
export class SqliteStore implements Store {
  readonly deliveries: SqliteDeliveryQueue;
  readonly catalog: SqliteCatalog;
  readonly #db: Database;
  readonly #lock: { release(): void };
  readonly #statements: Statements;
  readonly #journal: BeatJournal;
  readonly #history: History;
  readonly #monitors: JournaledMonitors;
  readonly #readers: ReaderPool;

  /**
   * Opens, creating what is missing.
   *
   * @throws StoreError `locked` when another process uses the directory, `newer_schema`, `io`.
   */
  constructor(directory: string, options: SqliteStoreOptions = {}) {
    const lockPath = join(directory, 'lock.db');
    const path = join(directory, 'tocsin.db');
    const historyPath = join(directory, 'history.db');
    createDataFiles(directory, [lockPath, path]);
    const { sweepBytes = 96 * 2 ** 20, nameSeed = 0, journal = defaultJournalLimits } = options;
    const { segmentBytes, behindBytes, bytesMax: journalBytesMax } = journal;
    const onProblem = options.onHistoryProblem ?? (() => {});
    this.#lock = lockDirectory(lockPath, directory);
    try {
      this.#db = new Database(path, options);
      this.#statements = prepareStatements(this.#db);
      this.deliveries = new SqliteDeliveryQueue(this.#db, { limits: options.deliveries, afterIo: options.afterIo });
      this.catalog = new SqliteCatalog(this.#db);
      this.#readers = new ReaderPool({ path, historyPath, size: readersMax });
      this.#journal = new BeatJournal({ directory, sync: options.durability === 'power', segmentBytes });
      this.#history = new History({
        directory,
        path: historyPath,
        databasePath: path,
        sync: options.durability === 'power',
        ...(options.history ?? defaultBeatLimits),
        behindBytes,
        onProblem,
      });
      this.#monitors = new JournaledMonitors({
        db: this.#db,
        statements: this.#statements,
        deliveries: this.deliveries,
        journal: this.#journal,
        history: this.#history,
        sweepBytes,
        nameSeed,
        journalBytesMax,
      });
    } catch (error) {
      this.#lock.release();
      throw error;
    }
  }

  get isHolding(): boolean {
    return this.#db.gate !== null;
  }

  async load(keys: MonitorKey[]): Promise<Loaded[]> {
    return this.#db.run(() => keys.map((key) => this.#monitors.load(key)));
  }

  async commit(changes: Change[]): Promise<ChangeResult[]> {
    if (this.isHolding && this.#monitors.areMoreThanPlain(changes)) await this.#db.gate;
    return this.#monitors.commit(changes);
  }

  async writeBehind(): Promise<void> {
    if (!this.isHolding) this.#monitors.writeBehind();
  }

  async scanArmed(afterId: number, limit: number): Promise<Armed[]> {
    const armed: Armed[] = [];
    for (let from = afterId; armed.length < limit; ) {
      const ids = this.#db.run(() => this.#statements.idsFrom.all(from, limit - armed.length) as unknown as [number][]);
      if (ids.length === 0) break;
      for (const [id] of ids) {
        const monitor = this.#monitors.byId(id);
        const wakeMs = monitor ? storedWakeMs(monitor) : null;
        if (wakeMs !== null) armed.push({ id, wakeMs });
      }
      from = ids.at(-1)![0];
    }
    return armed;
  }

  async find(query: MonitorQuery): Promise<FoundMonitors> {
    return findMonitors({ readers: this.#readers, byId: (id) => this.#monitors.byId(id) }, query);
  }

  async monitorNaming(channel: string): Promise<string | null> {
    return this.#monitors.naming(channel);
  }

  async countMonitors(): Promise<number> {
    return this.#monitors.size;
  }

  async lastListening(): Promise<number | null> {
    return this.#db.run(() => (this.#statements.listening.get() as { at_ms: number } | undefined)?.at_ms ?? null);
  }

  async stampListening(atMs: number, blind: BlindInterval | null): Promise<void> {
    this.#db.transaction(() => {
      this.#statements.stamp.run(atMs);
      if (!blind) return;
      const { prolongBlind, addBlind } = this.#statements;
      if (Number(prolongBlind.run(blind.toMs, blind.fromMs, blind.fromMs).changes) === 1) return;
      addBlind.run(blind.fromMs, blind.toMs);
      this.#statements.trimBlind.run(blindIntervalsMax);
    });
    this.#history.tick(atMs);
  }

  async blindIntervals(afterMs: number): Promise<BlindInterval[]> {
    return this.#db.run(() => this.#statements.blinds.all(afterMs) as unknown as BlindInterval[]);
  }

  async listBeats(options: Parameters<HistoryReads['listBeats']>[0]) {
    return this.#history.read('listBeats', options, this.#journal.end);
  }

  async beatsAround(options: Parameters<HistoryReads['beatsAround']>[0]) {
    return this.#history.read('beatsAround', options, this.#journal.end);
  }

  async listDays(options: Parameters<HistoryReads['listDays']>[0]) {
    return this.#history.read('listDays', options, this.#journal.end);
  }

  async listUptimes(options: Parameters<HistoryReads['listUptimes']>[0]) {
    return this.#readers.uptimes(options);
  }

  async listIncidents({ monitorId, beforeSeq, limit }: Parameters<HistoryReads['listIncidents']>[0]) {
    const before = beforeSeq ?? Number.MAX_SAFE_INTEGER;
    const found =
      monitorId === null
        ? await this.#readers.incidents('incidents', [before, limit])
        : await this.#readers.incidents('incidentsOf', [monitorId, before, limit]);
    return found.map(storedIncident);
  }

  async trimHistory(keep: number, limit: number): Promise<number> {
    // There will be another time; the pings of this turn would wait for it.
    if (this.isHolding) return 0;
    const { trimIncidents, trimPauses } = this.#statements;
    const deleted = this.#db.transaction(
      () => Number(trimIncidents.run(keep, limit).changes) + Number(trimPauses.run(keep, limit).changes),
    );
    return deleted + this.deliveries.trim(keep, limit);
  }

  async close(): Promise<void> {
    await Promise.all([this.#readers.close(), this.#history.close()]);
    await this.#journal.close();
    await this.#db.close();
    this.#lock.release();
  }
}
