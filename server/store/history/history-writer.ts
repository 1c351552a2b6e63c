import { closeSync, openSync, readSync } from 'node:fs';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { createDataFiles } from '../data-files.ts';
import { type JournalBeat, readFrame } from '../journal/beat-frame.ts';
import { type JournalPosition, listSegments, segmentPath } from '../journal/segment-files.ts';
import { openHistory } from './history-database.ts';

/** Beats in one transaction. */
const batchBeats = 5_000;
/** Rows of one insert: with 32 a beat costs half of what it costs alone (0.7 against 1.6 µs). */
const insertRows = 32;
const columns = 10;
/** History that was allowed to be longer before shrinks by so much more than what came. */
const trimExtra = 1_000;

/** Takes beats over from the journal into the history, in order, each once: what has been taken is stored with them. */
export class HistoryWriter {
  readonly #directory: string;
  readonly #beatsMax: number;
  readonly #db: DatabaseSync;
  readonly #insertOne: StatementSync;
  readonly #insertMany: StatementSync;
  readonly #setTaken: StatementSync;
  readonly #trim: StatementSync;
  #taken: JournalPosition;

  /** `beatsMax`: the newest beats that are kept, over all monitors. */
  constructor(options: { directory: string; path: string; sync: boolean; beatsMax: number }) {
    this.#directory = options.directory;
    this.#beatsMax = options.beatsMax;
    createDataFiles(options.directory, [options.path]);
    this.#db = openHistory(options);
    this.#insertOne = this.#db.prepare(insertSql(1));
    this.#insertMany = this.#db.prepare(insertSql(insertRows));
    this.#setTaken = this.#db.prepare('UPDATE taken SET segment = ?, bytes = ?');
    this.#trim = this.#db.prepare(
      `DELETE FROM beats WHERE id IN
         (SELECT id FROM beats WHERE id <= (SELECT max(id) FROM beats) - ? ORDER BY id LIMIT ?)`,
    );
    this.#taken = this.#db.prepare('SELECT segment, bytes FROM taken').get() as JournalPosition;
  }

  /** How far it has come. */
  get taken(): JournalPosition {
    return this.#taken;
  }

  /**
   * Takes over what the journal holds up to `end`, or whole segments of it until there were `bytesMax`. Segments that are
   * gone are skipped.
   */
  takeUpTo(end: JournalPosition, bytesMax = Number.POSITIVE_INFINITY): void {
    let bytesTaken = 0;
    for (const segment of listSegments(this.#directory)) {
      if (segment < this.#taken.segment || segment > end.segment || bytesTaken >= bytesMax) continue;
      const from = segment === this.#taken.segment ? this.#taken.bytes : 0;
      const all = readFrom(segmentPath(this.#directory, segment), from);
      const bytes = segment === end.segment ? all.subarray(0, end.bytes - from) : all;
      this.#takeSegment({ segment, from, bytes });
      bytesTaken += bytes.length;
    }
  }

  close(): void {
    this.#db.close();
  }

  #takeSegment({ segment, from, bytes }: { segment: number; from: number; bytes: Buffer }): void {
    let beats: JournalBeat[] = [];
    for (let frame = readFrame(bytes, 0); frame !== null; ) {
      for (const beat of frame.beats) beats.push(beat);
      const next = readFrame(bytes, frame.end);
      if (next === null || beats.length >= batchBeats) {
        this.#store(beats, { segment, bytes: from + frame.end });
        beats = [];
      }
      frame = next;
    }
    // A segment that holds nothing new still counts as taken.
    if (segment > this.#taken.segment) this.#store([], { segment, bytes: 0 });
  }

  #store(beats: readonly JournalBeat[], taken: JournalPosition): void {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      this.#insert(beats);
      this.#trim.run(this.#beatsMax, beats.length + trimExtra);
      this.#setTaken.run(taken.segment, taken.bytes);
      this.#db.exec('COMMIT');
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
    this.#taken = taken;
  }

  #insert(beats: readonly JournalBeat[]): void {
    let from = 0;
    for (; from + insertRows <= beats.length; from += insertRows) {
      this.#insertMany.run(...beats.slice(from, from + insertRows).flatMap(cells));
    }
    for (const beat of beats.slice(from)) this.#insertOne.run(...cells(beat));
  }
}

function insertSql(rows: number): string {
  const row = `(${new Array(columns).fill('?').join(', ')})`;
  return `INSERT OR REPLACE INTO beats (id, monitor_id, status, at_ms, received_ms, message, duration_ms, exit_code, run,
    beat_id) VALUES ${new Array(rows).fill(row).join(', ')}`;
}

function cells(beat: JournalBeat): (string | number | null)[] {
  const { id, monitorId, status, atMs, receivedMs, message, durationMs, exitCode, run, beatId } = beat;
  return [id, monitorId, status, atMs, receivedMs, message, durationMs, exitCode, run, beatId];
}

/** What a file holds from byte `from` on. */
function readFrom(path: string, from: number): Buffer {
  const file = openSync(path, 'r');
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
