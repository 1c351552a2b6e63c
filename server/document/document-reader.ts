import { Worker } from 'node:worker_threads';
import type { Clock } from '../clock.ts';
import type { DocumentItem, DocumentProblem } from './document-item.ts';
import type { DocumentPart, DocumentWork } from './document-worker.ts';

/** Largest document, bytes: some 70,000 monitors. Reading takes 60 bytes of memory for each. */
export const documentBytesMax = 16 * 1024 * 1024;

/** Documents read at a time, and those that may wait. */
const readingMax = 1;
const waitingMax = 4;
/** Memory of the thread that reads, MB: short values take more than long ones. */
const memoryMaxMb = 2_048;
/** Time for reading one document, ms. */
const readMaxMs = 120_000;

/** A document that was not read; `busy`: because too many others are. */
export class DocumentError extends Error {
  override readonly name = 'DocumentError';
  readonly problem: DocumentProblem;
  readonly busy: boolean;

  constructor(problem: DocumentProblem, { busy }: { busy: boolean }) {
    super(problem.message);
    this.problem = problem;
    this.busy = busy;
  }
}

/** Reads documents of monitors in threads of their own: neither a long nor a hostile one holds up a ping. */
export class DocumentReader {
  readonly #clock: Clock;
  readonly #itemsMax: number;
  readonly #waiting: (() => void)[] = [];
  #reading = 0;

  /** `itemsMax`: monitors in one document. */
  constructor({ clock, itemsMax }: { clock: Clock; itemsMax: number }) {
    this.#clock = clock;
    this.#itemsMax = itemsMax;
  }

  /**
   * The monitors of a document, a part at a time, in order.
   *
   * @throws DocumentError when it cannot be read as one; the reason of `signal` when that is aborted.
   */
  async *read(bytes: Uint8Array, signal?: AbortSignal): AsyncGenerator<DocumentItem[]> {
    if (bytes.length > documentBytesMax) throw unread(`the document must be at most ${documentBytesMax} bytes`);
    await this.#turn();
    try {
      signal?.throwIfAborted();
      yield* this.#parts(bytes, signal);
    } finally {
      this.#reading -= 1;
      this.#waiting.shift()?.();
    }
  }

  async *#parts(bytes: Uint8Array, signal: AbortSignal | undefined): AsyncGenerator<DocumentItem[]> {
    // Copied: a request's bytes are a part of a larger buffer.
    const work: DocumentWork = { bytes: new Uint8Array(bytes), itemsMax: this.#itemsMax };
    const worker = new Worker(new URL('./document-worker.ts', import.meta.url), {
      workerData: work,
      transferList: [work.bytes.buffer as ArrayBuffer],
      resourceLimits: { maxOldGenerationSizeMb: memoryMaxMb },
    });
    let fail = (_: unknown): void => {};
    const failed = new Promise<never>((_, reject) => {
      fail = reject;
    });
    failed.catch(() => {});
    const abort = (): void => fail(signal?.reason);
    signal?.addEventListener('abort', abort);
    const limit = this.#clock.after(readMaxMs, () => fail(unread('the document takes too long to read; split it')));
    worker.on('error', (error: NodeJS.ErrnoException) => fail(brokenBy(error)));
    try {
      for (let last = false; !last; ) {
        const part = await Promise.race([nextPart(worker), failed]);
        if (!part.ok) throw new DocumentError(part.problem, { busy: false });
        last = part.last;
        yield part.items;
      }
    } finally {
      limit.cancel();
      signal?.removeEventListener('abort', abort);
      await worker.terminate();
    }
  }

  /** Resolves when this document may be read. */
  #turn(): Promise<void> {
    this.#reading += 1;
    if (this.#reading <= readingMax) return Promise.resolve();
    if (this.#reading > readingMax + waitingMax) {
      this.#reading -= 1;
      const message = 'too many documents are being read; try again';
      return Promise.reject(new DocumentError({ place: null, name: '', field: '', message }, { busy: true }));
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

function nextPart(worker: Worker): Promise<DocumentPart> {
  return new Promise((resolve) => {
    worker.once('message', resolve);
    worker.postMessage('next');
  });
}

function unread(message: string): DocumentError {
  return new DocumentError({ place: null, name: '', field: '', message }, { busy: false });
}

function brokenBy(error: NodeJS.ErrnoException): DocumentError {
  return error.code === 'ERR_WORKER_OUT_OF_MEMORY'
    ? unread('the document takes too much memory to read; split it')
    : unread(`the document cannot be read (${error.message})`);
}
