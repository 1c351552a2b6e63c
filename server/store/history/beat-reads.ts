import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { beatBytes } from '../beat-bytes.ts';
import type { HistoryReads, StoredBeat } from '../history-types.ts';
import type { BeatLinks } from './beat-links.ts';

/** Beats looked at for one read: a chain is not longer, unless the setting allows for more. */
const walkMax = 20_000;

type Link = { id: number; monitorId: number; atMs: number; seq: number; previous: number };
type Row = StoredBeat & Link;

/** Reads the chains of beats. */
export class BeatReads {
  readonly #links: BeatLinks;
  readonly #beatsPerMonitor: number;
  readonly #beat: StatementSync;
  readonly #link: StatementSync;

  constructor(db: DatabaseSync, { links, beatsPerMonitor }: { links: BeatLinks; beatsPerMonitor: number }) {
    this.#links = links;
    this.#beatsPerMonitor = beatsPerMonitor;
    this.#beat = db.prepare(
      `SELECT beats.id, monitor_id AS monitorId, status, at_ms AS atMs, received_ms AS receivedMs, message, body,
         duration_ms AS durationMs, exit_code AS exitCode, run, beat_id AS beatId, coalesce(address, '') AS address,
         coalesce(user_agent, '') AS userAgent, seq, previous
       FROM beats LEFT JOIN sources ON sources.id = source WHERE beats.id = ?`,
    );
    // Without what stands behind, which may be on pages of its own.
    this.#link = db.prepare('SELECT id, monitor_id AS monitorId, at_ms AS atMs, seq, previous FROM beats WHERE id = ?');
  }

  /** See `HistoryReads`. */
  list(options: Parameters<HistoryReads['listBeats']>[0]): StoredBeat[] {
    const { monitorId, beforeId, limit, bytesMax = Number.POSITIVE_INFINITY } = options;
    const found: StoredBeat[] = [];
    let bytes = 0;
    for (const row of this.#chain<Row>(this.#beat, monitorId, beforeId)) {
      found.push(storedBeat(row));
      bytes += beatBytes(row);
      if (found.length >= limit || bytes >= bytesMax) break;
    }
    return found;
  }

  /** See `HistoryReads`. */
  around(options: Parameters<HistoryReads['beatsAround']>[0]): StoredBeat[][] {
    const { monitorId, times, before, after, bytesMax } = options;
    const links = this.#linksUntil(monitorId, Math.min(...times), before);
    const found: StoredBeat[][] = [];
    let bytes = 0;
    for (const atMs of times) {
      const ids = idsAround(links, { atMs, before, after });
      const beats = ids.flatMap((id) => this.#get<Row>(this.#beat, id, monitorId) ?? []).map(storedBeat);
      found.push(beats);
      for (const beat of beats) bytes += beatBytes(beat);
      if (bytes >= bytesMax) break;
    }
    return found;
  }

  /** Newest first, until there are `before` of those that count for `atMs` or sooner (at least one is looked at). */
  #linksUntil(monitorId: number, atMs: number, before: number): Link[] {
    const links: Link[] = [];
    let sooner = 0;
    for (const link of this.#chain<Link>(this.#link, monitorId, null)) {
      links.push(link);
      if (link.atMs <= atMs) sooner += 1;
      if (sooner > 0 && sooner >= before) break;
    }
    return links;
  }

  /** From the newest beat on, or from the one before `beforeId`, as far as its monitor keeps them. */
  *#chain<Kind extends Link>(statement: StatementSync, monitorId: number, beforeId: number | null): Iterable<Kind> {
    const { heads } = this.#links;
    const place = heads.find(monitorId);
    if (place < 0) return;
    const goneUpTo = heads.countAt(place) - this.#beatsPerMonitor;
    const newer = beforeId === null ? undefined : this.#get<Link>(this.#link, beforeId, monitorId);
    let id = beforeId === null ? heads.lastIdAt(place) : (newer?.previous ?? 0);
    for (let walked = 0; id > 0 && walked < walkMax; walked++) {
      const row = this.#get<Kind>(statement, id, monitorId);
      if (row === undefined || row.seq <= goneUpTo) return;
      yield row;
      id = row.previous;
    }
  }

  #get<Kind extends Link>(statement: StatementSync, id: number, monitorId: number): Kind | undefined {
    const row = statement.get(id) as Kind | undefined;
    return row?.monitorId === monitorId ? row : undefined;
  }
}

/** Of `links`, newest first, those that `beatsAround` means; oldest first. */
function idsAround(links: readonly Link[], asked: { atMs: number; before: number; after: number }): number[] {
  const { atMs, before, after } = asked;
  const sooner: number[] = [];
  const later: number[] = [];
  for (const link of links) {
    if (link.atMs > atMs) later.push(link.id);
    else {
      if (sooner.length < before) sooner.push(link.id);
      if (sooner.length >= before) break;
    }
  }
  const nearest = after === 0 ? [] : later.slice(-after);
  return [...nearest, ...sooner].sort((a, b) => a - b);
}

function storedBeat({ monitorId: _, seq: __, previous: ___, ...beat }: Row): StoredBeat {
  return beat;
}
