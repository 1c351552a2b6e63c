/**
 * The work of one channel: at most `concurrency` items under way, the rest waits here. A channel that hangs fills its
 * own lane and nobody else's.
 */
export class ChannelLane<Item> {
  readonly #concurrency: number;
  readonly #run: (item: Item) => Promise<void>;
  #waiting: Item[] = [];
  #underWay = 0;

  /** `run` must not reject. */
  constructor({ concurrency, run }: { concurrency: number; run: (item: Item) => Promise<void> }) {
    this.#concurrency = concurrency;
    this.#run = run;
  }

  /** How many more items would start at once. */
  get free(): number {
    return this.#concurrency - this.#underWay;
  }

  add(item: Item): void {
    this.#waiting.push(item);
    this.#startNext();
  }

  /** Takes back what has not started. */
  dropWaiting(): Item[] {
    const dropped = this.#waiting;
    this.#waiting = [];
    return dropped;
  }

  #startNext(): void {
    while (this.#underWay < this.#concurrency) {
      const item = this.#waiting.shift();
      if (item === undefined) return;
      this.#underWay++;
      void this.#run(item).then(() => {
        this.#underWay--;
        this.#startNext();
      });
    }
  }
}
