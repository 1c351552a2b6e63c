import { createHash } from 'node:crypto';
import type { WatchFilter } from './watch-filter.ts';

/**
 * The cursor of a watcher that has seen every change up to `number` that it wants. Opaque to clients. It holds for this feed,
 * which is one process, and for this filter only. At most 64 bytes with a `feedId` of 36.
 */
export function writeCursor(feedId: string, filter: WatchFilter, number: number): string {
  return `${cursorPrefix(feedId, filter)}${number.toString(36)}`;
}

/** The number of a cursor, or null for one of another feed or filter, or that is none. */
export function readCursor(cursor: string, feedId: string, filter: WatchFilter): number | null {
  const prefix = cursorPrefix(feedId, filter);
  if (!cursor.startsWith(prefix)) return null;
  const digits = cursor.slice(prefix.length);
  return /^[0-9a-z]{1,11}$/.test(digits) ? Number.parseInt(digits, 36) : null;
}

function cursorPrefix(feedId: string, { tag, namePrefix, beats }: WatchFilter): string {
  const hash = createHash('sha256').update(JSON.stringify([tag, namePrefix, beats]));
  return `${feedId}.${hash.digest('base64url').slice(0, 8)}.`;
}
