import type { ChangeSink, MonitorChange } from '../../engine/engine-options.ts';
import { ChangeRing } from './change-ring.ts';
import { readCursor, writeCursor } from './watch-cursor.ts';
import type { WatchFilter } from './watch-filter.ts';
import { Watcher } from './watcher.ts';

export type ChangeFeedLimits = {
  /** Changes that a watcher which comes back can still be told. */
  changesMax: number;
  watchersMax: number;
  /** Monitors that may wait to be told to one watcher: more than `changesMax`, or who resumes would be cut at once. */
  pendingMax: number;
};

/** Beyond them a snapshot is the shorter way: who is cut by a mass outage begins again, and has one. */
export const defaultFeedLimits: ChangeFeedLimits = { changesMax: 10_000, watchersMax: 100, pendingMax: 20_000 };

/**
 * Numbers what commits change, keeps the newest changes, and tells the watchers. It never waits for one: a watcher that does
 * not take what it is told is cut.
 */
export class ChangeFeed implements ChangeSink {
  /** Of this process: numbers of another mean nothing here. At most 36 bytes. */
  readonly #id: string;
  readonly #limits: ChangeFeedLimits;
  readonly #ring: ChangeRing;
  readonly #watchers = new Set<Watcher>();
  /** Of the newest change. */
  #number = 0;
  #beatWatchers = 0;
  /** Every beat since this number is in the ring, or was. */
  #beatsFrom = 0;
  /** Beats are of interest up to here, though nobody watches them: whoever did can still come back. */
  #beatsUntil = 0;

  constructor({ id, limits = defaultFeedLimits }: { id: string; limits?: ChangeFeedLimits }) {
    this.#id = id;
    this.#limits = limits;
    this.#ring = new ChangeRing(limits.changesMax);
  }

  get wantsBeats(): boolean {
    return this.#beatWatchers > 0 || this.#number < this.#beatsUntil;
  }

  get watchers(): number {
    return this.#watchers.size;
  }

  publish(changes: readonly MonitorChange[]): void {
    for (const { monitor, tagsBefore, notable } of changes) {
      const { id, name, config } = monitor;
      this.#number += 1;
      const change = { number: this.#number, id, name, tags: config.tags, tagsBefore, notable };
      this.#ring.add(change);
      for (const watcher of this.#watchers) watcher.note(change);
    }
  }

  /**
   * Begins to watch, from `cursor` on if that is known. Null when there are too many already. What it is not told any more is
   * for the caller to close.
   */
  watch(filter: WatchFilter, cursor: string): Watcher | null {
    if (this.#watchers.size >= this.#limits.watchersMax) return null;
    if (filter.beats) this.#beginBeats();
    const number = this.#resumable(filter, cursor);
    const watcher = new Watcher({
      filter,
      pendingMax: this.#limits.pendingMax,
      resumed: number !== null,
      cursorAt: (seen) => writeCursor(this.#id, filter, seen ?? this.#number),
      onClose: () => this.#closed(watcher),
    });
    this.#watchers.add(watcher);
    if (number !== null) for (const change of this.#ring.after(number)) watcher.note(change);
    return watcher;
  }

  /** The number of a cursor since which no change is missing; null: there is none such. */
  #resumable(filter: WatchFilter, cursor: string): number | null {
    const number = readCursor(cursor, this.#id, filter);
    if (number === null || number > this.#number || number < this.#ring.droppedUpTo) return null;
    return filter.beats && number < this.#beatsFrom ? null : number;
  }

  #beginBeats(): void {
    if (!this.wantsBeats) {
      // Cursors from before are older than this: beats since then were not told.
      this.#number += 1;
      this.#beatsFrom = this.#number;
    }
    this.#beatWatchers += 1;
  }

  #closed(watcher: Watcher): void {
    this.#watchers.delete(watcher);
    if (!watcher.filter.beats) return;
    this.#beatWatchers -= 1;
    if (this.#beatWatchers === 0) this.#beatsUntil = this.#number + this.#limits.changesMax;
  }
}
