import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** A place in the journal: behind so many bytes of the segment that begins with the beat `segment`. */
export type JournalPosition = { segment: number; bytes: number };

const pattern = /^beats-(\d{16})\.log$/;

/** Where the segment that begins with a beat is. */
export function segmentPath(directory: string, firstId: number): string {
  return join(directory, `beats-${String(firstId).padStart(16, '0')}.log`);
}

/** The segments that are there, by the id of their first beat, oldest first. */
export function listSegments(directory: string): number[] {
  const found = readdirSync(directory).flatMap((file) => {
    const match = pattern.exec(file);
    return match ? [Number(match[1])] : [];
  });
  return found.sort((a, b) => a - b);
}
