import type { Store } from '../store/store.ts';
import type { StoreErrors } from './store-errors.ts';

const trimEveryBeats = 256;
/** Rows of history deleted at once; more would be felt by the pings of that turn. */
const trimRowsMax = 4_096;

/** What every turn of the engine does for the store besides its batch: writes rows behind, and trims the history. */
export class Housekeeping {
  readonly #store: Store;
  readonly #errors: StoreErrors;
  readonly #historyMax: number;
  #beatsSinceTrim = 0;

  /** `historyMax`: beats (and closed incidents, and buried deliveries) kept in all. */
  constructor({ store, errors, historyMax }: { store: Store; errors: StoreErrors; historyMax: number }) {
    this.#store = store;
    this.#errors = errors;
    this.#historyMax = historyMax;
  }

  /** So many beats were added to the history. */
  added(beats: number): void {
    this.#beatsSinceTrim += beats;
  }

  async keep(): Promise<void> {
    try {
      await this.#store.writeBehind();
      if (this.#beatsSinceTrim < trimEveryBeats) return;
      // Twice what came, so that a history which was allowed to be longer before shrinks.
      const rows = Math.min(2 * this.#beatsSinceTrim, trimRowsMax);
      this.#beatsSinceTrim = 0;
      await this.#store.trimHistory(this.#historyMax, rows);
    } catch (error) {
      this.#errors.note(error);
    }
  }
}
