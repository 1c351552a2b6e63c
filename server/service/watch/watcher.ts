import type { FeedChange } from './feed-change.ts';
import { type WatchFilter, wantsChange } from './watch-filter.ts';

export type WatcherOptions = {
  filter: WatchFilter;
  /** Monitors that may wait to be told; past it the watcher is cut. */
  pendingMax: number;
  /** It goes on where its cursor was; else its client must forget what it knew. */
  resumed: boolean;
  /** The cursor of one that has seen every change up to `number`, or (null) all there are. */
  cursorAt: (number: number | null) => string;
  /** Called once, when it is over. */
  onClose: () => void;
};

/**
 * What one client has still to be told: monitors that have changed, each once, in the order of the first change that it has
 * not been told. The order lets no monitor wait for ever that changes all the time, and keeps a removal before what is made
 * under the same name after it.
 */
export class Watcher {
  readonly filter: WatchFilter;
  readonly resumed: boolean;
  readonly #options: WatcherOptions;
  readonly #pending = new Map<number, FeedChange>();
  #state: 'open' | 'closed' | 'cut' = 'open';
  #wake: (() => void) | null = null;

  constructor(options: WatcherOptions) {
    this.filter = options.filter;
    this.resumed = options.resumed;
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Too much waited, or too long, so it is over. */
  get isCut(): boolean {
    return this.#state === 'cut';
  }

  get pending(): number {
    return this.#pending.size;
  }

  /** To resume with, once everything that was taken has been sent. */
  get cursor(): string {
    const [next] = this.#pending.values();
    return this.#options.cursorAt(next ? next.number - 1 : null);
  }

  /** Something has changed, which may be of no interest. */
  note(change: FeedChange): void {
    if (!wantsChange(this.filter, change) || this.#pending.has(change.id) || !this.isOpen) return;
    if (this.#pending.size >= this.#options.pendingMax) {
      this.cut();
      return;
    }
    this.#pending.set(change.id, change);
    this.#wake?.();
  }

  /** The next monitor to tell of. */
  take(): FeedChange | undefined {
    const [next] = this.#pending.values();
    if (next) this.#pending.delete(next.id);
    return next;
  }

  /** Resolves when there is something to take, or it is over, or `stopWaiting` is called. One may wait at a time. */
  wait(): Promise<void> {
    if (!this.isOpen || this.#pending.size > 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = null;
        resolve();
      };
    });
  }

  stopWaiting(): void {
    this.#wake?.();
  }

  /** Ends it because its client does not read. May be called again. */
  cut(): void {
    if (this.isOpen) this.#end('cut');
  }

  /** Nobody is told anything any more. May be called again. */
  close(): void {
    if (this.isOpen) this.#end('closed');
  }

  #end(state: 'closed' | 'cut'): void {
    this.#state = state;
    this.#pending.clear();
    this.#options.onClose();
    this.#wake?.();
  }
}
