import type { StoredBeat } from './history-types.ts';

/** Bytes of what a beat says: its message and its body. All else of it is small. */
export function beatBytes({ message, body }: Pick<StoredBeat, 'message' | 'body'>): number {
  return Buffer.byteLength(message) + (body?.length ?? 0);
}
