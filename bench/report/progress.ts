/** One line on standard error that tells what is going on; on a terminal it is overwritten, elsewhere it is rare. */
export class Progress {
  readonly #stream: NodeJS.WriteStream;
  #prefix = '';
  #shownMs = Number.NEGATIVE_INFINITY;

  constructor({ stream }: { stream: NodeJS.WriteStream }) {
    this.#stream = stream;
  }

  /** What the following lines are about. */
  begin(prefix: string): void {
    this.#prefix = prefix;
    this.#shownMs = Number.NEGATIVE_INFINITY;
  }

  show(text: string): void {
    const nowMs = performance.now();
    const everyMs = this.#stream.isTTY ? 100 : 10_000;
    if (nowMs - this.#shownMs < everyMs) return;
    this.#shownMs = nowMs;
    const line = `${this.#prefix}: ${text}`;
    this.#stream.write(this.#stream.isTTY ? `\r\x1b[K${line.slice(0, this.#stream.columns - 1)}` : `${line}\n`);
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#stream.isTTY) this.#stream.write('\r\x1b[K');
  }
}
