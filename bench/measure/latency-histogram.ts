/** Each power of two is cut into 64 buckets, so a value is known to 1.6 %. */
const SUB_BITS = 6;
const SUBS = 1 << SUB_BITS;
/** Up to 2^26 µs, 67 s; what took longer counts in the last bucket. */
const TOP_BIT = 25;
const BUCKETS = (TOP_BIT - SUB_BITS + 2) * SUBS;
const MAX_US = 2 ** (TOP_BIT + 1) - 1;

/** Counts durations in a typed array of log-linear buckets: recording neither allocates nor sorts. */
export class LatencyHistogram {
  readonly #counts = new Uint32Array(BUCKETS);
  #count = 0;
  #maxMs = 0;

  get count(): number {
    return this.#count;
  }

  /** The longest, exactly; 0 when there is none. */
  get maxMs(): number {
    return this.#maxMs;
  }

  /** Negative durations count as 0. */
  record(ms: number): void {
    this.#counts[bucketOf(Math.max(0, Math.min(Math.trunc(ms * 1000), MAX_US)))]! += 1;
    this.#count += 1;
    if (ms > this.#maxMs) this.#maxMs = ms;
  }

  /** The duration that a share `quantile` (0 to 1) of all did not exceed, rounded up to its bucket; 0 without any. */
  quantileMs(quantile: number): number {
    const rank = Math.max(1, Math.ceil(quantile * this.#count));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket]!;
      if (seen >= rank) return Math.min(upperUs(bucket) / 1000, this.#maxMs);
    }
    return this.#maxMs;
  }
}

function bucketOf(us: number): number {
  if (us < SUBS) return us;
  const bit = 31 - Math.clz32(us);
  return (bit - SUB_BITS + 1) * SUBS + ((us >>> (bit - SUB_BITS)) & (SUBS - 1));
}

/** The first µs after a bucket. */
function upperUs(bucket: number): number {
  if (bucket < SUBS) return bucket + 1;
  const shift = (bucket >>> SUB_BITS) - 1;
  return (SUBS + (bucket & (SUBS - 1)) + 1) * 2 ** shift;
}
