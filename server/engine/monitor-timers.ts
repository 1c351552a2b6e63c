import { TimingWheel } from './wheel/timing-wheel.ts';

/** Handles of monitors with a smaller id are found by index, which takes at most 16 MB; the rest are in a map. */
const indexedIds = 2 ** 22;

/**
 * The wheel, by monitor id (a positive integer). A hint only: what is due is decided anew from the stored state.
 *
 * The store numbers monitors from 1 on, so an array by id is nearly full and takes 4 bytes a monitor; with a million of
 * them a `Map` took about ten times as much. Ids are never used again, so where monitors come and go for long, the ids
 * outgrow the array: that is what the map is for, whose size is that of the monitors that are there.
 */
export class MonitorTimers {
  readonly #wheel: TimingWheel;
  /** By id: the handle + 1, or 0. */
  #indexed = new Int32Array(1024);
  /** The same for ids from `indexedIds` on. */
  readonly #mapped = new Map<number, number>();
  /** By handle. */
  readonly #ids: number[] = [];

  constructor(nowMs: number) {
    this.#wheel = new TimingWheel({ epochMs: nowMs });
  }

  /** Monitors that await something. */
  get size(): number {
    return this.#wheel.size;
  }

  /** Wakes the monitor at `wakeMs` (Unix ms) instead of whenever it was set to; null: not at all. */
  set(id: number, wakeMs: number | null): void {
    if (wakeMs === null) {
      this.delete(id);
      return;
    }
    let place = this.#placeOf(id);
    if (place === 0) {
      place = this.#wheel.allocate() + 1;
      this.#ids[place - 1] = id;
      this.#putPlace(id, place);
    }
    this.#wheel.arm(place - 1, wakeMs);
  }

  delete(id: number): void {
    const place = this.#placeOf(id);
    if (place === 0) return;
    this.#wheel.release(place - 1);
    if (id < indexedIds) this.#indexed[id] = 0;
    else this.#mapped.delete(id);
  }

  /** Takes up to `limit` monitors that are due at `nowMs`. They must be `set` again, or they sleep. */
  takeDue(nowMs: number, limit: number): number[] {
    return Array.from(this.#wheel.advance(nowMs, limit), (handle) => this.#ids[handle]!);
  }

  /** No monitor is due before this time (Unix ms); null when none awaits anything. */
  nextMs(): number | null {
    return this.#wheel.nextMs();
  }

  /** The wall clock jumped to `nowMs`. */
  reset(nowMs: number): void {
    this.#wheel.reset(nowMs);
  }

  /** The handle + 1; 0 when the monitor has none. */
  #placeOf(id: number): number {
    if (id >= indexedIds) return this.#mapped.get(id) ?? 0;
    return id < this.#indexed.length ? this.#indexed[id]! : 0;
  }

  #putPlace(id: number, place: number): void {
    if (id >= indexedIds) {
      this.#mapped.set(id, place);
      return;
    }
    if (id >= this.#indexed.length) {
      const grown = new Int32Array(2 ** (32 - Math.clz32(id)));
      grown.set(this.#indexed);
      this.#indexed = grown;
    }
    this.#indexed[id] = place;
  }
}
