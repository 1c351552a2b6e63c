import type { FeedChange } from './feed-change.ts';

/** The newest changes, as many as `capacity`. */
export class ChangeRing {
  readonly capacity: number;
  readonly #changes: FeedChange[] = [];
  /** Where the oldest is, once there are as many as fit. */
  #oldest = 0;
  /** The number of the newest change that is not there any more; 0 while all are. */
  droppedUpTo = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  add(change: FeedChange): void {
    if (this.#changes.length < this.capacity) {
      this.#changes.push(change);
      return;
    }
    this.droppedUpTo = this.#changes[this.#oldest]!.number;
    this.#changes[this.#oldest] = change;
    this.#oldest = (this.#oldest + 1) % this.capacity;
  }

  /** Those after `number`, oldest first. */
  *after(number: number): Generator<FeedChange> {
    const { length } = this.#changes;
    for (let index = 0; index < length; index++) {
      const change = this.#changes[(this.#oldest + index) % length]!;
      if (change.number > number) yield change;
    }
  }
}
