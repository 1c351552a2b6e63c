import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { BeatLinks } from './beat-links.ts';
import type { BeatRetention } from './beat-retention.ts';
import type { MonitorFacts } from './monitor-facts.ts';

/** Ids read, or monitors whose days of one date are deleted, in one step. */
const pageIds = 10_000;
const sliceMonitors = 1_000;
/** Monitors that may have come since the last look before there is another. */
const growthMin = 10_000;

type State =
  | { kind: 'idle' }
  | { kind: 'looking'; afterId: number; there: Set<number>; upToId: number }
  | { kind: 'days'; gone: number[]; from: number; day: number }
  | { kind: 'beats'; gone: number[] };

/**
 * Deletes what is kept of monitors that are not there any more: their days, their beats, and last their place in the
 * history, so that what a crash interrupts begins anew.
 */
export class RemovedMonitors {
  readonly #links: BeatLinks;
  readonly #retention: BeatRetention;
  readonly #facts: () => MonitorFacts;
  readonly #days: StatementSync;
  readonly #deleteDay: StatementSync;
  #state: State = { kind: 'idle' };
  #isDue = true;
  #sizeBefore = 0;

  constructor(
    db: DatabaseSync,
    { links, retention, facts }: { links: BeatLinks; retention: BeatRetention; facts: () => MonitorFacts },
  ) {
    this.#links = links;
    this.#retention = retention;
    this.#facts = facts;
    this.#days = db.prepare('SELECT min(day) AS day FROM days WHERE day > ?');
    this.#deleteDay = db.prepare('DELETE FROM days WHERE day = ? AND monitor_id IN (SELECT value FROM json_each(?))');
  }

  /** There is reason to look again. */
  look(): void {
    this.#isDue = true;
  }

  /** One step; false when there is nothing to do. */
  step(): boolean {
    switch (this.#state.kind) {
      case 'idle':
        return this.#begin();
      case 'looking':
        this.#state = this.#lookOn(this.#state);
        return true;
      case 'days':
        this.#state = this.#deleteDays(this.#state);
        return true;
      case 'beats':
        if (this.#retention.isSweeping) return false;
        this.#links.forget(this.#state.gone);
        this.#sizeBefore = this.#links.heads.size;
        this.#state = { kind: 'idle' };
        return true;
    }
  }

  #begin(): boolean {
    const { heads } = this.#links;
    const hasGrown = heads.size > 2 * this.#sizeBefore + growthMin;
    if (!this.#isDue && !hasGrown) return false;
    this.#isDue = false;
    this.#sizeBefore = heads.size;
    let upToId = 0;
    for (let place = 0; place < heads.end; place++) upToId = Math.max(upToId, heads.monitorIdAt(place));
    // Those that came later are there.
    this.#state = { kind: 'looking', afterId: 0, there: new Set(), upToId };
    return true;
  }

  #lookOn({ afterId, there, upToId }: State & { kind: 'looking' }): State {
    const { heads } = this.#links;
    const ids = this.#facts().ids(afterId, pageIds);
    for (const id of ids) there.add(id);
    if (ids.length === pageIds) return { kind: 'looking', afterId: ids.at(-1)!, there, upToId };
    const gone: number[] = [];
    for (let place = 0; place < heads.end; place++) {
      const id = heads.monitorIdAt(place);
      if (id > 0 && id <= upToId && !there.has(id)) gone.push(id);
    }
    if (gone.length === 0) return { kind: 'idle' };
    // What waits to be written would bring them back.
    this.#links.checkpoint();
    return { kind: 'days', gone, from: 0, day: -1 };
  }

  #deleteDays({ gone, from, day: after }: State & { kind: 'days' }): State {
    const { day } = this.#days.get(after) as { day: number | null };
    if (day !== null) {
      this.#deleteDay.run(day, JSON.stringify(gone.slice(from, from + sliceMonitors)));
      return { kind: 'days', gone, from, day };
    }
    if (from + sliceMonitors < gone.length) return { kind: 'days', gone, from: from + sliceMonitors, day: -1 };
    this.#retention.sweepOut(new Set(gone));
    return { kind: 'beats', gone };
  }
}
