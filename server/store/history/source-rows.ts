import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { dayOf } from '../../engine/domain/spent-time.ts';
import type { JournalBeat } from '../journal/beat-frame.ts';
import type { Source } from '../journal/source-ids.ts';

/** Sources in memory; beyond it they are begun anew, which costs a write for each that still comes. */
const knownMax = 100_000;
/** Rows deleted at once. */
const sliceRows = 5_000;

/** Where the beats of the history came from. The row of a source is written once a day on which it is heard of. */
export class SourceRows {
  /** The day that is written, by source. */
  readonly #known = new Map<number, number>();
  readonly #define: StatementSync;
  readonly #touch: StatementSync;
  readonly #trim: StatementSync;

  constructor(db: DatabaseSync) {
    this.#define = db.prepare(
      `INSERT INTO sources (id, address, user_agent, last_day) VALUES (?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET last_day = max(last_day, excluded.last_day)`,
    );
    this.#touch = db.prepare('UPDATE sources SET last_day = max(last_day, ?) WHERE id = ?');
    this.#trim = db.prepare(
      `DELETE FROM sources WHERE id IN
         (SELECT id FROM sources WHERE last_day < (SELECT received_ms / 86400000 FROM beats ORDER BY id LIMIT 1) LIMIT ?)`,
    );
  }

  /** Stores those that are new, or were not heard of yet on the day of a beat. */
  store(sources: readonly Source[], beats: readonly JournalBeat[]): void {
    if (this.#known.size > knownMax) this.#known.clear();
    for (const { id, address, userAgent } of sources) {
      if (!this.#known.has(id)) this.#define.run(id, address, userAgent, 0);
      this.#known.set(id, this.#known.get(id) ?? 0);
    }
    for (const { source, receivedMs } of beats) {
      if (source === 0) continue;
      const day = dayOf(receivedMs);
      if ((this.#known.get(source) ?? -1) >= day) continue;
      this.#touch.run(day, source);
      this.#known.set(source, day);
    }
  }

  /** What was to be stored was not. */
  rollBack(): void {
    this.#known.clear();
  }

  /** Deletes some of those that no beat comes from any more; false when there are none. */
  trim(): boolean {
    const deleted = Number(this.#trim.run(sliceRows).changes);
    if (deleted > 0) this.#known.clear();
    return deleted === sliceRows;
  }
}
