/** Uniform whole numbers in [from, from + count), the same in every run (xorshift32). */
export function randomNumbers({ from, count }: { from: number; count: number }): () => number {
  let state = 0x9e3779b9;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return from + ((state >>> 0) % count);
  };
}

/** All whole numbers in [from, from + count), shuffled, the same in every run. */
export function shuffledNumbers({ from, count }: { from: number; count: number }): Uint32Array {
  const numbers = Uint32Array.from({ length: count }, (_, index) => from + index);
  const random = randomNumbers({ from: 0, count: 2 ** 32 - 1 });
  for (let last = count - 1; last > 0; last--) {
    const other = random() % (last + 1);
    [numbers[last], numbers[other]] = [numbers[other]!, numbers[last]!];
  }
  return numbers;
}
