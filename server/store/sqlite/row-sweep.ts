/**
 * Which monitors' rows are behind their journal, and the sweep that writes them in slices. A sweep goes once over all
 * slots, in order, so that neighbouring rows share the pages that they dirty: over 100,000 monitors it writes a tenth of
 * what a row update per ping does. When it is round, every row holds what the journal had when it began.
 */
export class RowSweep {
  #behind = new Uint8Array(0);
  #count = 0;
  #cursor = 0;
  #written = 0;
  /** When this sweep began: the journal's end, all bytes appended by then, and how many rows were behind. */
  #start = { journalId: 0, appendedBytes: 0, rows: 0 };

  /** Rows that are behind. */
  get count(): number {
    return this.#count;
  }

  mark(slot: number): void {
    if (slot >= this.#behind.length) this.#grow(slot + 1);
    if (this.#behind[slot] === 1) return;
    this.#behind[slot] = 1;
    this.#count += 1;
  }

  /** The row was written, or is gone. */
  clear(slot: number): void {
    if (this.#behind[slot] !== 1) return;
    this.#behind[slot] = 0;
    this.#count -= 1;
  }

  /**
   * How many rows to write now, at most `limit`, so that a sweep is round when the journal has grown by `sweepBytes`: the
   * tail of the journal that a start must replay then stays below twice that.
   */
  due(options: { appendedBytes: number; sweepBytes: number; limit: number }): number {
    const { appendedBytes, sweepBytes, limit } = options;
    const share = (appendedBytes - this.#start.appendedBytes) / sweepBytes;
    if (share >= 1) return limit;
    return Math.min(limit, Math.ceil(share * this.#start.rows) - this.#written);
  }

  /** Up to `limit` slots below `end` that are behind, going on where the last call ended. They stay marked. */
  next(limit: number, end: number): number[] {
    const slots: number[] = [];
    for (let slot = this.#behind.indexOf(1, this.#cursor); slot !== -1 && slot < end && slots.length < limit; ) {
      slots.push(slot);
      slot = this.#behind.indexOf(1, slot + 1);
    }
    return slots;
  }

  /**
   * The slots of `next` were written. Returns the journal id up to which every row is now written when the sweep is
   * round (a new one begins then, at `journalId`), else null.
   */
  wrote(
    slots: readonly number[],
    at: { end: number; limit: number; journalId: number; appendedBytes: number },
  ): number | null {
    const { end, limit, journalId, appendedBytes } = at;
    for (const slot of slots) this.clear(slot);
    this.#written += slots.length;
    this.#cursor = slots.length < limit ? end : slots.at(-1)! + 1;
    if (this.#cursor < end) return null;
    const writtenUpTo = this.#start.journalId;
    this.#cursor = 0;
    this.#written = 0;
    this.#start = { journalId, appendedBytes, rows: this.#count };
    return writtenUpTo;
  }

  /**
   * A start found the journal at `journalId`, with what was marked since to be written; `tailBytes` of the journal wait for
   * that. They count as grown: a server that is restarted often must get round as well.
   */
  begin(journalId: number, tailBytes: number): void {
    this.#start = { journalId, appendedBytes: -tailBytes, rows: this.#count };
  }

  #grow(least: number): void {
    const longer = new Uint8Array(Math.max(1_024, least, this.#behind.length * 2));
    longer.set(this.#behind);
    this.#behind = longer;
  }
}
