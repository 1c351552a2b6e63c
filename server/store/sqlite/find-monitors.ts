import type { Monitor } from '../../engine/domain/monitor.ts';
import { phaseAt } from '../../engine/domain/phase.ts';
import type { FoundMonitors, MonitorPlace, MonitorQuery } from '../monitor-query.ts';
import type { MonitorsQuery } from './readers/read-queries.ts';
import type { ReaderPool } from './readers/reader-pool.ts';

/** Monitors that one call looks at, if it was not asked for more: the work of a filter that nearly nothing passes. */
const lookedAtMax = 5_000;
/** Monitors looked at in one turn of the event loop: less than 1 ms. */
const chunkMax = 2_500;
/** The same where not all pass the filter. */
const filteredChunk = 500;

/** Greater than every name: these are 256 bytes at most. */
const afterAllNames = '\u{10ffff}'.repeat(65);

type Sources = {
  readers: Pick<ReaderPool, 'monitors'>;
  /** The monitor as it is now. */
  byId: (id: number) => Monitor | undefined;
};

/**
 * Finds monitors: readers look up ids by an index, memory says what they are. A row may be behind, but never in its name, its
 * id, its tags and whether it is down, and only these are looked up.
 */
export async function findMonitors({ readers, byId }: Sources, query: MonitorQuery): Promise<FoundMonitors> {
  const { limit, tag = '', namePrefix = '', phases = null } = query;
  const search = searchOf(query);
  const isFiltered = tag !== '' || namePrefix !== '' || phases !== null;
  const matches = (monitor: Monitor): boolean =>
    (tag === '' || monitor.config.tags.includes(tag)) &&
    (namePrefix === '' || monitor.name.startsWith(namePrefix)) &&
    (phases === null || phases.anyOf.includes(phaseAt(monitor, phases.atMs)));
  const monitors: Monitor[] = [];
  let place = query.after;
  for (let lookedAt = 0; lookedAt < Math.max(lookedAtMax, limit + 1); ) {
    // One more than is wanted tells whether there is a next page.
    const size = Math.min(chunkMax, isFiltered ? filteredChunk : limit - monitors.length + 1);
    const found = await readers.monitors(search.query, [...search.values(place), size]);
    for (const id of found) {
      const monitor = byId(id);
      // Removed since it was read: a read that begins before it does not find it again.
      if (!monitor) continue;
      lookedAt += 1;
      // It may have changed as well.
      if (matches(monitor)) {
        if (monitors.length === limit) return { monitors, next: place };
        monitors.push(monitor);
      }
      place = search.isById ? id : monitor.name;
    }
    if (found.length < size) return { monitors, next: null };
  }
  return { monitors, next: place };
}

type Search = {
  query: MonitorsQuery;
  /** `place` is an id. */
  isById: boolean;
  /** Of the query, without the limit. */
  values: (after: MonitorPlace | null) => (string | number)[];
};

function searchOf({ order, tag = '', namePrefix = '', phases = null }: MonitorQuery): Search {
  const isDescending = order.endsWith('desc');
  if (order === 'created' || order === 'created_desc') {
    const last = Number.MAX_SAFE_INTEGER;
    return {
      query: isDescending ? 'byIdDescending' : 'byId',
      isById: true,
      values: (after) => (isDescending ? [0, Number(after ?? last)] : [Number(after ?? 0) + 1, last]),
    };
  }
  const isOnlyDown = phases?.anyOf.length === 1 && phases.anyOf[0] === 'down';
  const source = tag !== '' ? 'tagged' : isOnlyDown ? 'down' : 'all';
  const first = tag === '' ? [] : [tag];
  const end = prefixEnd(namePrefix);
  return {
    query: `${source}ByName${isDescending ? 'Descending' : ''}`,
    isById: false,
    // No name lies between one and the same with a NUL after it, which no name holds.
    values: (after) =>
      isDescending
        ? [...first, namePrefix, after === null ? end : String(after)]
        : [...first, after === null ? namePrefix : `${after}\0`, end],
  };
}

/** The least text that is greater than all that begin with `prefix`, in the order of bytes (which is that of code points). */
function prefixEnd(prefix: string): string {
  const points = [...prefix];
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    const code = last.codePointAt(0)!;
    if (code === 0x10ffff) continue;
    // Surrogates are no code points of text.
    return points.join('') + String.fromCodePoint(code === 0xd7ff ? 0xe000 : code + 1);
  }
  return afterAllNames;
}
