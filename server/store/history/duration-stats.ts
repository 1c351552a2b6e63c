/** How long the runs of a day took. */
export type DurationStats = {
  count: number;
  minMs: number;
  sumMs: number;
  maxMs: number;
  /** How many, by `durationBucket`; those with none are absent. */
  buckets: Map<number, number>;
};

/**
 * The bucket of the histogram that a duration (ms) is in: 0 for less than 1 ms, else 1 + floor(2 log2 ms). Bucket n holds
 * the durations from 2^((n - 1) / 2) ms to less than 2^(n / 2) ms, so a bound is 1.41 times the one before; 366 days are in
 * bucket 70.
 */
export function durationBucket(ms: number): number {
  if (ms < 1) return 0;
  const exponent = Math.floor(Math.log2(ms));
  // Squared, so that the middle of an octave needs no root: whole numbers compare exactly.
  return 1 + 2 * exponent + (ms * ms >= 2 ** (2 * exponent + 1) ? 1 : 0);
}

/** The least duration of a bucket, whole ms. */
export function bucketFromMs(bucket: number): number {
  return bucket === 0 ? 0 : Math.ceil(2 ** ((bucket - 1) / 2));
}

export function noDurations(): DurationStats {
  return { count: 0, minMs: Number.POSITIVE_INFINITY, sumMs: 0, maxMs: 0, buckets: new Map() };
}

export function addDuration(stats: DurationStats, ms: number): void {
  const bucket = durationBucket(ms);
  stats.count += 1;
  stats.minMs = Math.min(stats.minMs, ms);
  stats.sumMs += ms;
  stats.maxMs = Math.max(stats.maxMs, ms);
  stats.buckets.set(bucket, (stats.buckets.get(bucket) ?? 0) + 1);
}

export function mergeDurations(into: DurationStats, from: DurationStats): void {
  into.count += from.count;
  into.minMs = Math.min(into.minMs, from.minMs);
  into.sumMs += from.sumMs;
  into.maxMs = Math.max(into.maxMs, from.maxMs);
  for (const [bucket, count] of from.buckets) into.buckets.set(bucket, (into.buckets.get(bucket) ?? 0) + count);
}

const headBytes = 32;
const bucketBytes = 5;

/** Little-endian: f64 count, min, sum and max, then for each bucket u8 its number and u32 how many. */
export function encodeDurations({ count, minMs, sumMs, maxMs, buckets }: DurationStats): Uint8Array {
  const view = new DataView(new ArrayBuffer(headBytes + bucketBytes * buckets.size));
  for (const [index, value] of [count, minMs, sumMs, maxMs].entries()) view.setFloat64(8 * index, value, true);
  let at = headBytes;
  for (const [bucket, inIt] of buckets) {
    view.setUint8(at, bucket);
    view.setUint32(at + 1, Math.min(inIt, 2 ** 32 - 1), true);
    at += bucketBytes;
  }
  return new Uint8Array(view.buffer);
}

export function decodeDurations(bytes: Uint8Array): DurationStats {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [count, minMs, sumMs, maxMs] = [0, 8, 16, 24].map((at) => view.getFloat64(at, true)) as number[];
  const buckets = new Map<number, number>();
  for (let at = headBytes; at < bytes.length; at += bucketBytes) {
    buckets.set(view.getUint8(at), view.getUint32(at + 1, true));
  }
  return { count: count!, minMs: minMs!, sumMs: sumMs!, maxMs: maxMs!, buckets };
}
