/** What several rounds gave: the middle and the extremes. */
export type Spread = { median: number; min: number; max: number };

/** The middle value; of an even number the mean of the two in the middle. @throws RangeError without any value. */
export function medianOf(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('no values');
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function spreadOf(values: readonly number[]): Spread {
  return { median: medianOf(values), min: Math.min(...values), max: Math.max(...values) };
}

/**
 * The spread of `a[i] / b[i]`. Each pair was measured one right after the other, so what slowed the machine for a while
 * slowed both. @throws RangeError when the lengths differ.
 */
export function ratioSpread(a: readonly number[], b: readonly number[]): Spread {
  if (a.length !== b.length) throw new RangeError(`${a.length} values against ${b.length}`);
  return spreadOf(a.map((value, index) => value / b[index]!));
}
