import { IdIndex } from '../id-index.ts';

const capacityMin = 1_024;

/**
 * The newest beat of each monitor and how many it had, in flat arrays: the ends of the chains that `beats.previous` makes.
 * A monitor keeps its place until it is removed; places are used again.
 */
export class BeatHeads {
  readonly #places = new IdIndex();
  #free: number[] = [];
  #end = 0;
  #size = 0;
  /** 0: the place is free. */
  #monitorIds = new Float64Array(capacityMin);
  #lastIds = new Float64Array(capacityMin);
  #counts = new Float64Array(capacityMin);

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
    return this.#monitorIds[place]!;
  }

  /** Id of its newest beat; 0 when it has had none. */
  lastIdAt(place: number): number {
    return this.#lastIds[place]!;
  }

  /** Beats that it has had. */
  countAt(place: number): number {
    return this.#counts[place]!;
  }

  set(place: number, lastId: number, count: number): void {
    this.#lastIds[place] = lastId;
    this.#counts[place] = count;
  }

  remove(monitorId: number): void {
    const place = this.#places.get(monitorId);
    if (place < 0) return;
    this.#places.delete(monitorId);
    this.#monitorIds[place] = 0;
    this.#free.push(place);
    this.#size -= 1;
  }

  #add(monitorId: number): number {
    const place = this.#free.pop() ?? this.#end++;
    if (place >= this.#monitorIds.length) this.#grow();
    this.#places.set(monitorId, place);
    this.#monitorIds[place] = monitorId;
    this.set(place, 0, 0);
    this.#size += 1;
    return place;
  }

  #grow(): void {
    this.#monitorIds = doubled(this.#monitorIds);
    this.#lastIds = doubled(this.#lastIds);
    this.#counts = doubled(this.#counts);
  }
}

function doubled(array: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const longer = new Float64Array(array.length * 2);
  longer.set(array);
  return longer;
}
