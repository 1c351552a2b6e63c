import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { JournalBeat } from '../journal/beat-frame.ts';

/** A beat and its place in the chain of its monitor's beats. */
export type LinkedBeat = JournalBeat & { seq: number; previous: number };

type Cell = string | number | null | Uint8Array;

/** Rows of one insert: with 32 a beat costs half of what it costs alone. */
const rowsAtOnce = 32;

const plainColumns = ['id', 'monitor_id', 'status', 'at_ms', 'received_ms', 'seq', 'previous', 'source'];
const allColumns = [...plainColumns, 'message', 'duration_ms', 'exit_code', 'run', 'beat_id', 'body'];

/** Inserts beats, oldest first. Those that say nothing but that they came, nearly all, cost least. */
export class BeatRows {
  readonly #plainRows: StatementSync;
  readonly #fullRows: StatementSync;
  readonly #fullRow: StatementSync;

  constructor(db: DatabaseSync) {
    this.#plainRows = db.prepare(insertSql(plainColumns, rowsAtOnce));
    this.#fullRows = db.prepare(insertSql(allColumns, rowsAtOnce));
    this.#fullRow = db.prepare(insertSql(allColumns, 1));
  }

  insert(beats: readonly LinkedBeat[]): void {
    const cells: Cell[] = [];
    let from = 0;
    for (; from + rowsAtOnce <= beats.length; from += rowsAtOnce) {
      cells.length = 0;
      if (this.#arePlain(beats, from)) {
        for (let n = from; n < from + rowsAtOnce; n++) pushPlain(cells, beats[n]!);
        this.#plainRows.run(...cells);
      } else {
        for (let n = from; n < from + rowsAtOnce; n++) pushAll(cells, beats[n]!);
        this.#fullRows.run(...cells);
      }
    }
    for (; from < beats.length; from++) {
      cells.length = 0;
      pushAll(cells, beats[from]!);
      this.#fullRow.run(...cells);
    }
  }

  #arePlain(beats: readonly LinkedBeat[], from: number): boolean {
    for (let n = from; n < from + rowsAtOnce; n++) {
      const { message, durationMs, exitCode, run, beatId, body } = beats[n]!;
      if (message !== '' || durationMs !== null || exitCode !== null) return false;
      if (run !== '' || beatId !== '' || body !== null) return false;
    }
    return true;
  }
}

function insertSql(columns: readonly string[], rows: number): string {
  const row = `(${new Array(columns.length).fill('?').join(', ')})`;
  return `INSERT INTO beats (${columns.join(', ')}) VALUES ${new Array(rows).fill(row).join(', ')}`;
}

function pushPlain(cells: Cell[], beat: LinkedBeat): void {
  const { id, monitorId, status, atMs, receivedMs, seq, previous, source } = beat;
  cells.push(id, monitorId, status, atMs, receivedMs, seq, previous, source);
}

function pushAll(cells: Cell[], beat: LinkedBeat): void {
  pushPlain(cells, beat);
  const { message, durationMs, exitCode, run, beatId, body } = beat;
  cells.push(message, durationMs, exitCode, run, beatId, body);
}
