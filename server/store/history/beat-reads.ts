import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { StoredBeat } from '../history-types.ts';
import type { BeatLinks } from './beat-links.ts';

/** Beats looked at for one read: a chain is not longer, unless the setting allows for more. */
const walkMax = 20_000;

type Row = StoredBeat & { monitorId: number; seq: number; previous: number };

/** Reads the chains of beats. */
export class BeatReads {
  readonly #links: BeatLinks;
  readonly #beatsPerMonitor: number;
  readonly #beat: StatementSync;

  constructor(db: DatabaseSync, { links, beatsPerMonitor }: { links: BeatLinks; beatsPerMonitor: number }) {
    this.#links = links;
    this.#beatsPerMonitor = beatsPerMonitor;
    this.#beat = db.prepare(
      `SELECT beats.id, monitor_id AS monitorId, status, at_ms AS atMs, received_ms AS receivedMs, message, body,
         duration_ms AS durationMs, exit_code AS exitCode, run, beat_id AS beatId, coalesce(address, '') AS address,
         coalesce(user_agent, '') AS userAgent, seq, previous
       FROM beats LEFT JOIN sources ON sources.id = source WHERE beats.id = ?`,
    );
  }

  /** See `HistoryReads`. */
  list({ monitorId, beforeId, limit }: { monitorId: number; beforeId: number | null; limit: number }): StoredBeat[] {
    const found: StoredBeat[] = [];
    for (const row of this.#chain(monitorId, beforeId)) {
      found.push(storedBeat(row));
      if (found.length >= limit) break;
    }
    return found;
  }

  /** See `HistoryReads`. */
  around(options: { monitorId: number; atMs: number; before: number; after: number }): StoredBeat[] {
    const { monitorId, atMs, before, after } = options;
    const sooner: StoredBeat[] = [];
    let later: StoredBeat[] = [];
    for (const row of this.#chain(monitorId, null)) {
      if (row.atMs <= atMs) {
        if (sooner.length < before) sooner.push(storedBeat(row));
        if (sooner.length >= before) break;
      } else {
        later.push(storedBeat(row));
        if (later.length >= 2 * after + 64) later = later.slice(-after || later.length);
      }
    }
    const nearest = after === 0 ? [] : later.slice(-after);
    return [...nearest, ...sooner].sort((a, b) => a.id - b.id);
  }

  /** From the newest beat on, or from the one before `beforeId`, as far as its monitor keeps them. */
  *#chain(monitorId: number, beforeId: number | null): Iterable<Row> {
    const { heads } = this.#links;
    const place = heads.find(monitorId);
    if (place < 0) return;
    const goneUpTo = heads.countAt(place) - this.#beatsPerMonitor;
    const before = beforeId === null ? undefined : this.#get(beforeId, monitorId);
    let id = beforeId === null ? heads.lastIdAt(place) : (before?.previous ?? 0);
    for (let walked = 0; id > 0 && walked < walkMax; walked++) {
      const row = this.#get(id, monitorId);
      if (row === undefined || row.seq <= goneUpTo) return;
      yield row;
      id = row.previous;
    }
  }

  #get(id: number, monitorId: number): Row | undefined {
    const row = this.#beat.get(id) as Row | undefined;
    return row?.monitorId === monitorId ? row : undefined;
  }
}

function storedBeat({ monitorId: _, seq: __, previous: ___, ...beat }: Row): StoredBeat {
  return beat;
}
