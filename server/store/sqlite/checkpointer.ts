import { statSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { CheckpointReply, CheckpointRequest } from './checkpoint-worker.ts';

/** Sizes of the WAL, bytes. */
export type WalLimits = {
  /** From here on it is moved into the database. */
  startBytes: number;
  /** Here writers wait until it has been: the bound. */
  holdBytes: number;
};

export const defaultWalLimits: WalLimits = { startBytes: 32 * 2 ** 20, holdBytes: 96 * 2 ** 20 };
/** Commits between two looks at the WAL's size. */
const lookEveryCommits = 64;

/**
 * Keeps the WAL bounded from a thread of its own. SQLite begins the WAL anew only when a write finds all of it moved into
 * the database, which never happens while somebody keeps writing. So the thread first catches up beside the writer, in
 * passes; then the writer holds still for the short rest (`gate`), without blocking the event loop.
 *
 * The thread is started when the WAL first grows large: a small server never needs it.
 */
export class Checkpointer {
  readonly #path: string;
  readonly #walPath: string;
  readonly #limits: WalLimits;
  #worker: Worker | undefined;
  #state: 'idle' | 'catching up' | 'finishing' = 'idle';
  #commits = 0;
  #gate: Promise<void> | null = null;
  #openGate: (() => void) | undefined;
  #closed = false;

  constructor(path: string, limits: WalLimits) {
    this.#limits = limits;
    this.#path = path;
    this.#walPath = `${path}-wal`;
  }

  /** To be awaited before a write; null when nothing is in the way. */
  get gate(): Promise<void> | null {
    return this.#gate;
  }

  /** After each commit: looks after the WAL now and then. */
  committed(): void {
    this.#commits += 1;
    if (this.#commits % lookEveryCommits !== 0 || this.#closed) return;
    try {
      // Only its size: opening a database file here would drop SQLite's locks.
      const bytes = statSync(this.#walPath, { throwIfNoEntry: false })?.size ?? 0;
      if (bytes >= this.#limits.holdBytes) this.#hold();
      if (bytes >= this.#limits.startBytes && this.#state === 'idle') this.#request('catching up', 'catch up');
    } catch {
      // No thread to be had, say: the commit stands, and this is tried again after more of them.
      this.#failed();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#release();
    await this.#worker?.terminate();
  }

  #request(state: 'catching up' | 'finishing', request: CheckpointRequest): void {
    this.#state = state;
    this.#worker ??= this.#start();
    this.#worker.postMessage(request);
  }

  #start(): Worker {
    const worker = new Worker(new URL('./checkpoint-worker.ts', import.meta.url), { workerData: { path: this.#path } });
    worker.unref();
    worker.on('message', (reply: CheckpointReply) => this.#replied(reply));
    // Without the thread SQLite's own checkpoints take over (see `Database`): slower, and still correct.
    worker.on('error', () => this.#failed());
    return worker;
  }

  #replied(reply: CheckpointReply): void {
    if (this.#closed) return;
    if (!reply.ok) this.#failed();
    else if (this.#state === 'catching up') {
      this.#hold();
      this.#request('finishing', 'finish');
    } else {
      this.#state = 'idle';
      this.#release();
    }
  }

  #failed(): void {
    this.#state = 'idle';
    this.#worker = undefined;
    this.#release();
  }

  #hold(): void {
    this.#gate ??= new Promise((resolve) => {
      this.#openGate = resolve;
    });
  }

  #release(): void {
    this.#gate = null;
    this.#openGate?.();
  }
}
