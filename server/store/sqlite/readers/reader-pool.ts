import { Worker } from 'node:worker_threads';
import type { UptimeDays, Uptimes } from '../../history-types.ts';
import { StoreError } from '../../store.ts';
import type { FoundIncident, IncidentsQuery, MonitorsQuery } from './read-queries.ts';
import type { ReadReply, ReadRequest } from './reader-worker.ts';

/** Reads that may wait; past it they are refused. */
const waitingMax = 1_000;

type Read = { request: ReadRequest; resolve: (found: unknown) => void; reject: (error: StoreError) => void };
type Reader = { worker: Worker; current: Read | null };

/**
 * Threads that read the database through connections of their own, so that a list, however long, never holds up a ping.
 * They are started when they are needed. They see what is committed: a read after a commit finds what it wrote.
 */
export class ReaderPool {
  readonly #paths: { path: string; historyPath: string };
  readonly #size: number;
  readonly #readers: Reader[] = [];
  readonly #waiting: Read[] = [];
  #closed = false;

  /** `size`: threads at most. `historyPath`: of the history, which need not exist yet. */
  constructor({ path, historyPath, size }: { path: string; historyPath: string; size: number }) {
    this.#paths = { path, historyPath };
    this.#size = size;
  }

  /** Ids of monitors, in the order of the query. @throws StoreError `io` when it cannot be read, `busy` when too many reads wait. */
  monitors(query: MonitorsQuery, values: (string | number)[]): Promise<Float64Array> {
    return this.#ask({ monitors: query, values }) as Promise<Float64Array>;
  }

  /** @throws StoreError `io`, `busy`. */
  incidents(query: IncidentsQuery, values: (string | number)[]): Promise<FoundIncident[]> {
    return this.#ask({ incidents: query, values }) as Promise<FoundIncident[]>;
  }

  /** See `HistoryReads`. @throws StoreError `io`, `busy`. */
  uptimes(asked: { ids: readonly number[]; days: UptimeDays; nowMs: number }): Promise<Uptimes> {
    return this.#ask({ uptimes: { ...asked, ids: Float64Array.from(asked.ids) } }) as Promise<Uptimes>;
  }

  #ask(request: ReadRequest): Promise<unknown> {
    if (this.#closed) return Promise.reject(new StoreError('io', 'the database is closed'));
    if (this.#waiting.length >= waitingMax) {
      return Promise.reject(new StoreError('busy', 'too many reads are waiting; try again'));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, resolve, reject });
      this.#next();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const read of this.#waiting.splice(0)) read.reject(new StoreError('io', 'the database is closed'));
    await Promise.all(this.#readers.splice(0).map(end));
  }

  #next(): void {
    if (this.#waiting.length === 0) return;
    const reader = this.#readers.find(({ current }) => current === null) ?? this.#start();
    if (!reader) return;
    reader.current = this.#waiting.shift()!;
    reader.worker.postMessage(reader.current.request);
  }

  #start(): Reader | null {
    if (this.#readers.length >= this.#size) return null;
    const worker = new Worker(new URL('./reader-worker.ts', import.meta.url), { workerData: this.#paths });
    worker.unref();
    const reader: Reader = { worker, current: null };
    worker.on('message', (reply: ReadReply) => this.#replied(reader, reply));
    worker.on('error', (error: Error) => this.#broke(reader, error.message));
    this.#readers.push(reader);
    return reader;
  }

  #replied(reader: Reader, reply: ReadReply): void {
    const read = reader.current;
    reader.current = null;
    if (reply.ok) read?.resolve(reply.found);
    else read?.reject(unreadable(reply.message));
    this.#next();
  }

  /** The thread has ended; the next read starts another. */
  #broke(reader: Reader, message: string): void {
    const at = this.#readers.indexOf(reader);
    if (at >= 0) this.#readers.splice(at, 1);
    reader.current?.reject(unreadable(message));
    reader.current = null;
    this.#next();
  }
}

function unreadable(message: string): StoreError {
  return new StoreError('io', `the database cannot be read (${message})`);
}

/** After the read that is under way. */
function end({ worker }: Reader): Promise<void> {
  worker.ref();
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  worker.postMessage('close');
  return ended;
}
