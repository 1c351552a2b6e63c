import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { StoreError } from '../store.ts';
import { Checkpointer, defaultWalLimits, type WalLimits } from './checkpointer.ts';
import { migrations } from './migrations.ts';

/** SQLite's primary result codes that an operator can act on. */
const sqliteBusy = 5;
const sqliteFull = 13;

/** Waiting for a foreign lock blocks the event loop: better a clear error and a retry by the client. */
const busyTimeoutMs = 200;

/** Pages in the WAL from which on SQLite checkpoints by itself, on the serving thread: only if `Checkpointer` cannot. */
const autoCheckpointPages = 40_000;

/** How much an acknowledged commit survives: the death of the process, or of the machine as well. */
export type Durability = 'process' | 'power';

export type DatabaseOptions = {
  /** The file may not grow beyond this; further writes fail with StoreError `full`. Absent: the disk's bound. */
  maxBytes?: number;
  /** Default `process`. */
  durability?: Durability;
  wal?: WalLimits;
};

/** One connection: opened, migrated, with transactions and errors that speak the store's language. */
export class Database {
  readonly #db: DatabaseSync;
  readonly #checkpointer: Checkpointer;
  // Prepared: parsing them anew would cost a small batch as much as one of its beats.
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;

  /**
   * @throws StoreError when the file cannot be opened, or was written by a newer version.
   */
  constructor(path: string, options: DatabaseOptions = {}) {
    this.#checkpointer = new Checkpointer(path, options.wal ?? defaultWalLimits);
    this.#db = this.run(() => new DatabaseSync(path, { timeout: busyTimeoutMs }));
    try {
      this.#assertKnownVersion(path);
      this.run(() => {
        // On macOS a sync reaches the disk only with fullfsync; elsewhere it changes nothing.
        const synchronous =
          options.durability === 'power' ? 'FULL; PRAGMA fullfsync = 1; PRAGMA checkpoint_fullfsync = 1' : 'NORMAL';
        // Size limit 0: a WAL that is begun anew is cut first, so that its size tells what is in it.
        this.#db.exec(
          `PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}; PRAGMA journal_size_limit = 0;
           PRAGMA wal_autocheckpoint = ${autoCheckpointPages}`,
        );
        if (options.maxBytes !== undefined) this.#limit(options.maxBytes);
      });
      this.#begin = this.#db.prepare('BEGIN IMMEDIATE');
      this.#commit = this.#db.prepare('COMMIT');
      this.#migrate();
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  prepare(sql: string): StatementSync {
    return this.#db.prepare(sql);
  }

  /** To be awaited before a large write; null when nothing is in the way. */
  get gate(): Promise<void> | null {
    return this.#checkpointer.gate;
  }

  /** Runs `work`, turning SQLite's errors into StoreError. */
  run<T>(work: () => T): T {
    try {
      return work();
    } catch (cause) {
      throw storeError(cause);
    }
  }

  #transaction<T>(work: () => T): T {
    return this.run(() => {
      this.#begin.run();
      try {
        const result = work();
        // Some errors (disk full) end the transaction by themselves; what followed would have committed row by row.
        if (!this.#db.isTransaction) throw new StoreError('io', 'the transaction ended early');
        this.#commit.run();
        return result;
      } catch (error) {
        if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
        throw error;
      }
    });
  }

  /** All of `work`, durable, or nothing of it. */
  transaction<T>(work: () => T): T {
    const result = this.#transaction(work);
    // Outside: what goes wrong here does not make the transaction one that failed.
    this.#checkpointer.committed();
    return result;
  }

  async close(): Promise<void> {
    await this.#checkpointer.close();
    if (this.#db.isOpen) this.#db.close();
  }

  #limit(maxBytes: number): void {
    const { page_size } = this.#db.prepare('PRAGMA page_size').get() as { page_size: number };
    this.#db.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(maxBytes / page_size))}`);
  }

  #version(): number {
    return this.run(() => (this.#db.prepare('PRAGMA user_version').get() as { user_version: number }).user_version);
  }

  /** Before anything is written: what a newer version made is left as it is. */
  #assertKnownVersion(path: string): void {
    const version = this.#version();
    if (version <= migrations.length) return;
    const text = `${path} has schema version ${version}, this server knows up to ${migrations.length}: use a newer server`;
    throw new StoreError('newer_schema', text);
  }

  #migrate(): void {
    for (let from = this.#version(); from < migrations.length; from++) {
      this.transaction(() => this.#db.exec(`${migrations[from]}; PRAGMA user_version = ${from + 1}`));
    }
  }
}

function storeError(cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause;
  const code = (cause as { errcode?: unknown }).errcode;
  if (typeof code !== 'number') throw cause;
  const primary = code & 0xff;
  const detail = (cause as Error).message;
  if (primary === sqliteFull) return new StoreError('full', `the disk or the database is full (${detail})`, { cause });
  if (primary === sqliteBusy)
    return new StoreError('locked', `another process locks the database (${detail})`, { cause });
  return new StoreError('io', `the database cannot be read or written (${detail})`, { cause });
}
