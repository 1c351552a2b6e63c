import type { DatabaseSync, StatementSync } from 'node:sqlite';

export type Cell = string | number | Uint8Array | null;

/** With 32 a row costs half of what it costs alone. */
const rowsAtOnce = 32;

/** An insert of many rows. */
export class MultiRow {
  readonly #many: StatementSync;
  readonly #one: StatementSync;

  /** `insert`: up to VALUES, with so many columns. `onConflict`: what follows the values. */
  constructor(db: DatabaseSync, insert: string, columns: number, onConflict = '') {
    const row = `(${new Array(columns).fill('?').join(', ')})`;
    const sql = (rows: number) => `${insert} VALUES ${new Array(rows).fill(row).join(', ')} ${onConflict}`;
    this.#many = db.prepare(sql(rowsAtOnce));
    this.#one = db.prepare(sql(1));
  }

  run(rows: readonly Cell[][]): void {
    let at = 0;
    for (; at + rowsAtOnce <= rows.length; at += rowsAtOnce) this.#many.run(...rows.slice(at, at + rowsAtOnce).flat());
    for (const row of rows.slice(at)) this.#one.run(...row);
  }
}
