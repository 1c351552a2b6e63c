import type { Clock } from '../../clock.ts';

/** Monitors told in one turn of the event loop, to all watchers together: some 2 ms, for which pings wait. */
const turnUnits = 100;

/** Takes care that telling watchers, however many and however much, leaves each turn of the event loop to the pings. */
export class WatchPace {
  readonly #clock: Clock;
  readonly #waiting: { units: number; resolve: () => void }[] = [];
  /** Units left in this turn; below 0 when one took more. */
  #left = turnUnits;
  #scheduled = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when `units` (1 to 100) monitors may be told, in the order of the calls. */
  turn(units: number): Promise<void> {
    if (!this.#scheduled) this.#schedule();
    if (this.#left > 0 && this.#waiting.length === 0) {
      this.#left -= units;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#waiting.push({ units, resolve }));
  }

  #schedule(): void {
    this.#scheduled = true;
    this.#clock.afterIo(() => this.#nextTurn());
  }

  #nextTurn(): void {
    this.#scheduled = false;
    this.#left = turnUnits;
    let taken = 0;
    for (const { units, resolve } of this.#waiting) {
      if (this.#left <= 0) break;
      this.#left -= units;
      taken += 1;
      resolve();
    }
    this.#waiting.splice(0, taken);
    if (this.#waiting.length > 0) this.#schedule();
  }
}
