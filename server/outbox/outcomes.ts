import { type DeliveryQueue, type Settlement, UnstorableError } from './delivery-queue.ts';

type Ports = {
  queue: DeliveryQueue;
  /** Nothing is left to do for it. */
  onSettled: (seq: number) => void;
  /** What became of it cannot be stored: it is tried again when its lease ends. */
  onUnstorable: (seq: number, error: unknown) => void;
};

/** What became of deliveries and is not stored yet. */
export class Outcomes {
  readonly #ports: Ports;
  #outcomes: Settlement[] = [];

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  add(outcome: Settlement): void {
    this.#outcomes.push(outcome);
  }

  /**
   * Stores them, together if that can be: one that cannot be stored holds up no other.
   *
   * @throws what the queue does when it cannot write; they are kept then.
   */
  async store(): Promise<void> {
    const outcomes = this.#outcomes;
    if (outcomes.length === 0) return;
    this.#outcomes = [];
    const left = new Set(outcomes);
    try {
      if (await this.#isStored(outcomes)) return;
      for (const outcome of outcomes) {
        await this.#storeOne(outcome);
        left.delete(outcome);
      }
    } catch (error) {
      this.#outcomes = [...left, ...this.#outcomes];
      throw error;
    }
  }

  async #storeOne(outcome: Settlement): Promise<void> {
    // That it was sent counts more than the record of how: else it would be sent again and again.
    if ((await this.#isStored([outcome])) || (await this.#isStored([{ ...outcome, attempt: null }]))) return;
    this.#ports.onSettled(outcome.seq);
  }

  async #isStored(outcomes: Settlement[]): Promise<boolean> {
    const { queue, onSettled, onUnstorable } = this.#ports;
    try {
      await queue.settle(outcomes);
    } catch (error) {
      if (!(error instanceof UnstorableError)) throw error;
      if (outcomes.length === 1) onUnstorable(outcomes[0]!.seq, error);
      return false;
    }
    for (const { seq } of outcomes) onSettled(seq);
    return true;
  }
}
