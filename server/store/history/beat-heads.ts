import { IdIndex } from '../id-index.ts';

const capacityMin = 1_024;

/** The numbers of a place, one after another: beats come of monitors at random, and each array would be a cache line. */
const numbers = 3;
const MONITOR_ID = 0;
const LAST_ID = 1;
const COUNT = 2;

/**
 * The newest beat of each monitor and how many it had, in a flat array: the ends of the chains that `beats.previous` makes.
 * A monitor keeps its place until it is removed; places are used again.
 */
export class BeatHeads {
  readonly #places = new IdIndex();
  #free: number[] = [];
  #end = 0;
  #size = 0;
  /** A place whose monitor is 0 is free. */
  #numbers = new Float64Array(capacityMin * numbers);

  /** Monitors. */
  get size(): number {
    return this.#size;
  }

  /** One past the highest place in use. */
  get end(): number {
    return this.#end;
  }

  /** The place of a monitor; -1 when it has had no beat. */
  find(monitorId: number): number {
    return this.#places.get(monitorId);
  }

  /** The same; it gets one when it has none. */
  placeOf(monitorId: number): number {
    const place = this.#places.get(monitorId);
    return place >= 0 ? place : this.#add(monitorId);
  }

  /** 0 at a free place. */
  monitorIdAt(place: number): number {
    return this.#numbers[place * numbers + MONITOR_ID]!;
  }

  /** Id of its newest beat; 0 when it has had none. */
  lastIdAt(place: number): number {
    return this.#numbers[place * numbers + LAST_ID]!;
  }

  /** Beats that it has had. */
  countAt(place: number): number {
    return this.#numbers[place * numbers + COUNT]!;
  }

  set(place: number, lastId: number, count: number): void {
    this.#numbers[place * numbers + LAST_ID] = lastId;
    this.#numbers[place * numbers + COUNT] = count;
  }

  remove(monitorId: number): void {
    const place = this.#places.get(monitorId);
    if (place < 0) return;
    this.#places.delete(monitorId);
    this.#numbers[place * numbers + MONITOR_ID] = 0;
    this.#free.push(place);
    this.#size -= 1;
  }

  #add(monitorId: number): number {
    const place = this.#free.pop() ?? this.#end++;
    if (place * numbers >= this.#numbers.length) this.#grow();
    this.#places.set(monitorId, place);
    this.#numbers[place * numbers + MONITOR_ID] = monitorId;
    this.set(place, 0, 0);
    this.#size += 1;
    return place;
  }

  #grow(): void {
    const longer = new Float64Array(this.#numbers.length * 2);
    longer.set(this.#numbers);
    this.#numbers = longer;
  }
}
