import type { Clock } from '../clock.ts';
import type { EngineLogger } from './engine-logger.ts';

/** A store error is forgotten after so long without another: an idle server must not look broken forever. */
const memoryMs = 10_000;

/** Why the store cannot write, for health and log. */
export class StoreErrors {
  readonly #clock: Clock;
  readonly #logger: EngineLogger;
  #message = '';
  #notedMs = 0;

  constructor({ clock, logger }: { clock: Clock; logger: EngineLogger }) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** The last one that is not forgotten; '' when the store works. */
  get message(): string {
    return this.#message;
  }

  /** Logged when it is another than the last one. */
  note(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    if (this.#message !== message) this.#logger.error({ err: error }, 'the store failed');
    this.#message = message;
    this.#notedMs = this.#clock.monotonicMs();
  }

  /** The store has just written something. */
  forgetOld(): void {
    if (this.#message === '') return;
    if (this.#clock.monotonicMs() - this.#notedMs < memoryMs) return;
    this.#logger.info('the store works again');
    this.#message = '';
  }
}
