/**
 * The ids of beats that are in the journal and perhaps not in the history yet, by segment of the journal. Beats without
 * an id are not here: nobody asks for them.
 */
export class RecentBeatIds {
  readonly #segments = new Map<number, Map<string, number>>();
  readonly #idsMax: number;
  #size = 0;

  /** `idsMax`: beyond so many ids, those of the oldest segment go, as happens when the history cannot be written. */
  constructor(idsMax: number) {
    this.#idsMax = idsMax;
  }

  add(segment: number, beat: { monitorId: number; beatId: string; atMs: number }): void {
    let ids = this.#segments.get(segment);
    if (!ids) {
      ids = new Map();
      this.#segments.set(segment, ids);
    }
    const before = ids.size;
    ids.set(`${beat.monitorId} ${beat.beatId}`, beat.atMs);
    this.#size += ids.size - before;
    for (const oldest of this.#segments.keys()) {
      if (this.#size <= this.#idsMax || oldest === segment) break;
      this.#forget(oldest);
    }
  }

  /** The time of the beat with this id of this monitor, Unix ms. */
  find(monitorId: number, beatId: string): number | undefined {
    if (this.#segments.size === 0) return undefined;
    const key = `${monitorId} ${beatId}`;
    for (const ids of this.#segments.values()) {
      const atMs = ids.get(key);
      if (atMs !== undefined) return atMs;
    }
    return undefined;
  }

  /** Forgets the segments before `segment`. */
  forgetBefore(segment: number): void {
    for (const each of this.#segments.keys()) if (each < segment) this.#forget(each);
  }

  #forget(segment: number): void {
    this.#size -= this.#segments.get(segment)?.size ?? 0;
    this.#segments.delete(segment);
  }
}
