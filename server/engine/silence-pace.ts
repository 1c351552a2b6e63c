/** Monitors in the first batch, and in the smallest. */
const startSize = 100;
const leastSize = 50;

/**
 * How many monitors are looked at for silence in one turn, so that a turn of a mass outage takes about `turnMs`: pings
 * wait no longer than that, and larger batches share more pages of the store and leave more of the time to silence.
 */
export class SilencePace {
  readonly #sizeMax: number;
  readonly #turnMs: number;
  #size: number;

  constructor({ sizeMax, turnMs }: { sizeMax: number; turnMs: number }) {
    this.#sizeMax = sizeMax;
    this.#turnMs = turnMs;
    this.#size = Math.min(startSize, sizeMax);
  }

  get size(): number {
    return this.#size;
  }

  /** A batch of `size` took `tookMs` (>= 0). One turn at most doubles or halves the size: some are slow by accident. */
  took(tookMs: number): void {
    const factor = Math.min(2, Math.max(0.5, this.#turnMs / tookMs));
    const size = Math.round(this.#size * factor);
    this.#size = Math.min(this.#sizeMax, Math.max(leastSize, size));
  }
}
