import type { Code } from '@connectrpc/connect';
import { codeToString } from '@connectrpc/connect/protocol-connect';

/** Upper bounds of the buckets of durations, seconds; what takes longer is in one more. */
export const callBucketsS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** The calls of one method that ended with one code. */
export type CallCounts = {
  /** Such as "tocsin.v1.HeartbeatService/Ping". */
  method: string;
  /** "ok", or the code of the error, such as "invalid_argument". */
  code: string;
  count: number;
  /** Of all durations, seconds. */
  sumS: number;
  /** Calls by duration, one number per bucket; not cumulative. */
  buckets: readonly number[];
};

/** What is counted: a method of the contract, or something that is named like one. */
export type CountedCall = { readonly name: string; readonly parent: { readonly typeName: string } };

type Tally = { count: number; sumMs: number; buckets: number[] };

const boundsMs = callBucketsS.map((seconds) => seconds * 1000);

/** Counts calls by method and outcome, on the path of every ping: a few additions, and no labels to be hashed. */
export class CallMetrics {
  /** By method, then by code; 0 stands for success. */
  readonly #tallies = new Map<CountedCall, (Tally | undefined)[]>();

  /** A call ended after `durationMs`: with an error, or well (null). */
  ended(method: CountedCall, code: Code | null, durationMs: number): void {
    const tally = this.#tallyOf(method, code ?? 0);
    tally.count += 1;
    tally.sumMs += durationMs;
    let bucket = 0;
    while (bucket < boundsMs.length && durationMs > boundsMs[bucket]!) bucket += 1;
    tally.buckets[bucket]! += 1;
  }

  counts(): CallCounts[] {
    return [...this.#tallies].flatMap(([{ parent, name }, tallies]) =>
      tallies.flatMap((tally, code) => {
        if (!tally) return [];
        const { count, sumMs, buckets } = tally;
        const text = code === 0 ? 'ok' : codeToString(code as Code);
        return { method: `${parent.typeName}/${name}`, code: text, count, sumS: sumMs / 1000, buckets: [...buckets] };
      }),
    );
  }

  #tallyOf(method: CountedCall, code: number): Tally {
    let tallies = this.#tallies.get(method);
    if (!tallies) {
      tallies = new Array<Tally | undefined>(17);
      this.#tallies.set(method, tallies);
    }
    tallies[code] ??= { count: 0, sumMs: 0, buckets: new Array<number>(boundsMs.length + 1).fill(0) };
    return tallies[code];
  }
}
