const empty = 0;
const removed = -1;
const capacityMin = 1_024;

/**
 * A map from names to places (integers from 0 on, each used for one name at a time): a hash table with linear probing.
 * A `Map` internalises every string that it is asked for, a lookup of its own in a table of all strings (V8, Node 26),
 * and takes some 50 bytes an entry more.
 *
 * The hash is seeded, so nobody who chooses names can know which ones collide.
 */
export class NameIndex {
  /** A power of two of cells: the place + 1, `empty` or `removed`. At most half of them are used. */
  #cells = new Int32Array(capacityMin);
  readonly #names: string[] = [];
  readonly #multiplier: number;
  #size = 0;
  #used = 0;

  /** `seed`: any integer, best a random one. `capacity`: for how many names there is room before it must grow. */
  constructor({ seed, capacity = 0 }: { seed: number; capacity?: number }) {
    this.#multiplier = (seed | 1) ^ 0x01000192;
    if (2 * capacity > capacityMin) this.#cells = new Int32Array(2 ** (32 - Math.clz32(2 * capacity)));
  }

  get size(): number {
    return this.#size;
  }

  /** The place of a name; -1 when it has none. */
  find(name: string): number {
    const cells = this.#cells;
    const mask = cells.length - 1;
    for (let at = this.#hash(name) & mask; ; at = (at + 1) & mask) {
      const cell = cells[at]!;
      if (cell === empty) return -1;
      if (cell !== removed && this.#names[cell - 1] === name) return cell - 1;
    }
  }

  /** The name at a place in use. */
  nameAt(place: number): string {
    return this.#names[place]!;
  }

  /** Adds a name that is not there, at a place that is free. */
  add(name: string, place: number): void {
    if (2 * (this.#used + 1) > this.#cells.length) this.#rebuild();
    // A copy: a slice of a request would keep all of the request.
    this.#names[place] = Buffer.from(name).toString();
    this.#put(place);
    this.#size += 1;
  }

  remove(place: number): void {
    const cells = this.#cells;
    const mask = cells.length - 1;
    let at = this.#hash(this.#names[place]!) & mask;
    while (cells[at] !== place + 1) at = (at + 1) & mask;
    cells[at] = removed;
    this.#names[place] = '';
    this.#size -= 1;
  }

  #put(place: number): void {
    const cells = this.#cells;
    const mask = cells.length - 1;
    let at = this.#hash(this.#names[place]!) & mask;
    while (cells[at] !== empty) at = (at + 1) & mask;
    cells[at] = place + 1;
    this.#used += 1;
  }

  /** Makes room, and lets go of cells whose name was removed. */
  #rebuild(): void {
    const before = this.#cells;
    const least = 4 * (this.#size + 1);
    this.#cells = new Int32Array(Math.max(capacityMin, 2 ** (32 - Math.clz32(least - 1))));
    this.#used = 0;
    for (const cell of before) if (cell > 0) this.#put(cell - 1);
  }

  /** FNV-1a over UTF-16 units with a multiplier of its own, then the finaliser of MurmurHash3. */
  #hash(name: string): number {
    const multiplier = this.#multiplier;
    let hash = 0x811c9dc5;
    for (let index = 0; index < name.length; index++) {
      hash = Math.imul(hash ^ name.charCodeAt(index), multiplier);
    }
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return hash ^ (hash >>> 16);
  }
}
