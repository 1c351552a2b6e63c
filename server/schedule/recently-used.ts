/**
 * A map that makes what it lacks, and keeps the last `limit` / 2 keys that were used, at most `limit`: of two generations
 * the older is forgotten when the younger is full. A hit is one look-up; moving each key to the end of a Map, as LRU
 * lists do, costs ten times that.
 */
export class RecentlyUsed<K, V> {
  #young = new Map<K, V>();
  #old = new Map<K, V>();
  readonly #limit: number;
  readonly #make: (key: K) => V;

  /** `limit` is 2 or more. `make` may throw; what it throws is thrown on, and nothing is kept. */
  constructor(options: { limit: number; make: (key: K) => V }) {
    this.#limit = options.limit;
    this.#make = options.make;
  }

  get(key: K): V {
    const known = this.#young.get(key);
    if (known !== undefined) return known;
    const value = this.#old.get(key) ?? this.#make(key);
    if (this.#young.size >= Math.floor(this.#limit / 2)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
    return value;
  }
}
