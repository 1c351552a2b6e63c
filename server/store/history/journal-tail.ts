import { closeSync, openSync, readSync } from 'node:fs';
import { type JournalBeat, readFrame } from '../journal/beat-frame.ts';
import { type JournalPosition, listSegments, segmentPath } from '../journal/segment-files.ts';
import type { Source } from '../journal/source-ids.ts';

/** What comes next in the journal, whole frames. */
export type TailBatch = { beats: JournalBeat[]; sources: Source[]; end: JournalPosition };

/** Reads the journal's files behind a place, some frames at a time. Segments that are gone are skipped. */
export class JournalTail {
  readonly #directory: string;
  /** What has been read of one segment, from byte `from` on. */
  #part: { segment: number; from: number; bytes: Buffer } = { segment: -1, from: 0, bytes: Buffer.alloc(0) };

  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Frames behind `at`, up to `end` at most, until they hold `beatsMax` beats; null when there are none. A batch without
   * beats only tells that the next segment has been reached.
   */
  next(at: JournalPosition, end: JournalPosition, beatsMax: number): TailBatch | null {
    if (at.segment > end.segment || (at.segment === end.segment && at.bytes >= end.bytes)) return null;
    return this.#frames(at, end, beatsMax) ?? this.#nextSegment(at, end);
  }

  #frames(at: JournalPosition, end: JournalPosition, beatsMax: number): TailBatch | null {
    const { from, bytes } = this.#read(at, end);
    const beats: JournalBeat[] = [];
    const sources: Source[] = [];
    let done = at.bytes - from;
    while (beats.length < beatsMax) {
      const frame = readFrame(bytes, done);
      if (frame === null) break;
      for (const beat of frame.beats) beats.push(beat);
      for (const source of frame.sources) sources.push(source);
      done = frame.end;
    }
    return from + done === at.bytes ? null : { beats, sources, end: { segment: at.segment, bytes: from + done } };
  }

  #nextSegment(at: JournalPosition, end: JournalPosition): TailBatch | null {
    const next = listSegments(this.#directory).find((segment) => segment > at.segment && segment <= end.segment);
    return next === undefined ? null : { beats: [], sources: [], end: { segment: next, bytes: 0 } };
  }

  /** What is behind `at`, if only the rest of what was read before. */
  #read(at: JournalPosition, end: JournalPosition): { from: number; bytes: Buffer } {
    const { segment, from, bytes } = this.#part;
    if (segment === at.segment && from <= at.bytes && at.bytes < from + bytes.length) return this.#part;
    const all = readFrom(segmentPath(this.#directory, at.segment), at.bytes);
    // Not beyond the end: what is there may be cut off again.
    const known = at.segment === end.segment ? all.subarray(0, end.bytes - at.bytes) : all;
    this.#part = { segment: at.segment, from: at.bytes, bytes: known };
    return this.#part;
  }
}

/** What a file holds from byte `from` on; nothing when it is gone. */
function readFrom(path: string, from: number): Buffer {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
  try {
    const chunks: Buffer[] = [];
    for (let at = from; ; ) {
      const chunk = Buffer.allocUnsafe(2 ** 20);
      const bytes = readSync(file, chunk, 0, chunk.length, at);
      if (bytes === 0) return Buffer.concat(chunks);
      chunks.push(chunk.subarray(0, bytes));
      at += bytes;
    }
  } finally {
    closeSync(file);
  }
}
