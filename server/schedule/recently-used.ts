/** A map that keeps the `limit` entries used last, and makes what it lacks. */
export class RecentlyUsed<K, V> {
  /** In the order of use: the first is the one to forget. */
  readonly #entries = new Map<K, V>();
  readonly #limit: number;
  readonly #make: (key: K) => V;

  /** `make` may throw; what it throws is thrown on, and nothing is kept. */
  constructor(options: { limit: number; make: (key: K) => V }) {
    this.#limit = options.limit;
    this.#make = options.make;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: K): V {
    const known = this.#entries.get(key);
    const value = known ?? this.#make(key);
    if (known !== undefined) this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size > this.#limit) {
      const [oldest] = this.#entries.keys();
      this.#entries.delete(oldest!);
    }
    return value;
  }
}
