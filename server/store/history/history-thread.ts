import { Worker } from 'node:worker_threads';
import type { JournalPosition } from '../journal/segment-files.ts';
import { StoreError } from '../store.ts';
import type { HistoryKeeperOptions } from './history-keeper.ts';
import type { HistoryQueries, HistoryReply, HistoryRequest } from './history-worker.ts';

/** Reads that may wait; past it they are refused. */
const waitingMax = 1_000;

type Waiting = { resolve: (answer: unknown) => void; reject: (error: StoreError) => void };

/** What it tells besides answers. */
export type HistoryEvents = {
  onTaken: (taken: JournalPosition) => void;
  /** There is nothing to tidy up for now; days up to this one are closed (null: none). */
  onTidied: (closedDay: number | null) => void;
  /** What it was asked to do, reads aside, was not done. */
  onFailed: (message: string) => void;
};

/** The thread that keeps the history, seen from the serving thread. It is started when it is first needed. */
export class HistoryThread {
  readonly #options: HistoryKeeperOptions;
  readonly #events: HistoryEvents;
  #worker: Worker | undefined;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #closed = false;

  constructor(options: HistoryKeeperOptions, events: HistoryEvents) {
    this.#options = options;
    this.#events = events;
  }

  tell(request: HistoryRequest): void {
    if (this.#closed) return;
    this.#worker ??= this.#start();
    this.#worker.postMessage(request);
  }

  /** Reads what is behind `upTo`, and what was before. @throws StoreError `busy`, `io`. */
  ask<Query extends keyof HistoryQueries>(
    query: Query,
    asked: HistoryQueries[Query]['asked'],
    upTo: JournalPosition,
  ): Promise<HistoryQueries[Query]['answer']> {
    if (this.#closed) return Promise.reject(unreadable('it is closed'));
    if (this.#waiting.size >= waitingMax) {
      return Promise.reject(new StoreError('busy', 'too many reads are waiting; try again'));
    }
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      this.#waiting.set(id, { resolve: resolve as Waiting['resolve'], reject });
      this.tell({ kind: 'read', id, upTo, query, asked });
    });
  }

  /** After the step that is under way. Reads that wait are refused. */
  async close(): Promise<void> {
    this.#closed = true;
    const worker = this.#worker;
    this.#worker = undefined;
    if (worker) {
      worker.ref();
      const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
      worker.postMessage({ kind: 'close' } satisfies HistoryRequest);
      await ended;
    }
    this.#refuse('it is closed');
  }

  #start(): Worker {
    const worker = new Worker(new URL('./history-worker.ts', import.meta.url), { workerData: this.#options });
    worker.unref();
    worker.on('message', (reply: HistoryReply) => this.#replied(reply));
    worker.on('error', (error: Error) => {
      this.#worker = undefined;
      this.#refuse(error.message);
      this.#events.onFailed(error.message);
    });
    return worker;
  }

  #replied(reply: HistoryReply): void {
    switch (reply.kind) {
      case 'taken':
        this.#events.onTaken(reply.taken);
        return;
      case 'tidied':
        this.#events.onTidied(reply.closedDay);
        return;
      case 'failed':
        this.#events.onFailed(reply.message);
        return;
      case 'answer':
        this.#take(reply.id)?.resolve(reply.answer);
        return;
      case 'unanswered':
        this.#take(reply.id)?.reject(unreadable(reply.message));
    }
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }

  #refuse(message: string): void {
    for (const { reject } of this.#waiting.values()) reject(unreadable(message));
    this.#waiting.clear();
  }
}

function unreadable(message: string): StoreError {
  return new StoreError('io', `the history cannot be read (${message})`);
}
