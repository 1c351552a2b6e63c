/** Ids below it are found by index, which takes at most 16 MB; the rest are in a map. */
const indexedIds = 2 ** 22;

/**
 * A map from the ids of monitors (positive integers) to places (integers from 0 on, below 2^31 - 1).
 *
 * The store numbers monitors from 1 on, so an array by id is nearly full and takes 4 bytes a monitor; with a million of
 * them a `Map` took about ten times as much. Ids are never used again, so where monitors come and go for long, the ids
 * outgrow the array: that is what the map is for, whose size is that of the monitors that are there.
 */
export class IdIndex {
  /** By id: the place + 1, or 0. */
  #indexed = new Int32Array(1024);
  /** The same for ids from `indexedIds` on. */
  readonly #mapped = new Map<number, number>();

  /** The place of an id; -1 when it has none. */
  get(id: number): number {
    if (id >= indexedIds) return (this.#mapped.get(id) ?? 0) - 1;
    return id < this.#indexed.length ? this.#indexed[id]! - 1 : -1;
  }

  set(id: number, place: number): void {
    if (id >= indexedIds) {
      this.#mapped.set(id, place + 1);
      return;
    }
    if (id >= this.#indexed.length) {
      const grown = new Int32Array(2 ** (32 - Math.clz32(id)));
      grown.set(this.#indexed);
      this.#indexed = grown;
    }
    this.#indexed[id] = place + 1;
  }

  delete(id: number): void {
    if (id >= indexedIds) this.#mapped.delete(id);
    else if (id < this.#indexed.length) this.#indexed[id] = 0;
  }
}
