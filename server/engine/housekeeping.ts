import type { Store } from '../store/store.ts';
import type { StoreErrors } from './store-errors.ts';

const trimEveryRows = 256;
/** Rows of history deleted at once; more would be felt by the pings of that turn. */
const trimRowsMax = 4_096;

/** What every turn of the engine does for the store besides its batch: writes rows behind, and trims the history. */
export class Housekeeping {
  readonly #store: Store;
  readonly #errors: StoreErrors;
  readonly #historyMax: number;
  #rowsSinceTrim = 0;

  /** `historyMax`: closed incidents, and buried deliveries, kept in all. */
  constructor({ store, errors, historyMax }: { store: Store; errors: StoreErrors; historyMax: number }) {
    this.#store = store;
    this.#errors = errors;
    this.#historyMax = historyMax;
  }

  /** So many incidents, pauses and deliveries were written: what becomes history. */
  added(rows: number): void {
    this.#rowsSinceTrim += rows;
  }

  async keep(): Promise<void> {
    try {
      await this.#store.writeBehind();
      if (this.#rowsSinceTrim < trimEveryRows) return;
      // Twice what came, so that a history which was allowed to be longer before shrinks.
      const rows = Math.min(2 * this.#rowsSinceTrim, trimRowsMax);
      this.#rowsSinceTrim = 0;
      await this.#store.trimHistory(this.#historyMax, rows);
    } catch (error) {
      this.#errors.note(error);
    }
  }
}
