import { type RearmPlan, type TimerSet, timerCount } from './rearm-plan.ts';

/** A binary heap by due time in typed arrays, with each timer's place in it, so that one can be moved. */
export class HeapTimers implements TimerSet {
  readonly #heap = new Uint32Array(timerCount);
  readonly #place = new Uint32Array(timerCount);
  readonly #dueMs = new Float64Array(timerCount);
  readonly #plan: RearmPlan;
  #nowMs = 0;

  constructor(plan: RearmPlan) {
    this.#plan = plan;
    for (const [index, timer] of plan.order.entries()) this.#dueMs[timer] = plan.periodMs[index]!;
    // In the order of their times they are a heap.
    const byDue = plan.order.toSorted((a, b) => this.#dueMs[a]! - this.#dueMs[b]!);
    for (const [place, timer] of byDue.entries()) this.#put(timer, place);
  }

  rearmAll(passMs: number): void {
    const { order, periodMs } = this.#plan;
    const fromMs = this.#nowMs;
    for (let index = 0; index < timerCount; index++) {
      const timer = order[index]!;
      this.#nowMs = fromMs + Math.floor((index * passMs) / timerCount);
      this.#dueMs[timer] = this.#nowMs + periodMs[index]!;
      // Later than before, so it can only go down.
      this.#sink(timer, this.#place[timer]!);
    }
  }

  close(): void {}

  #sink(timer: number, from: number): void {
    const dueMs = this.#dueMs[timer]!;
    let place = from;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= timerCount) break;
      if (child + 1 < timerCount && this.#dueMs[this.#heap[child + 1]!]! < this.#dueMs[this.#heap[child]!]!) child += 1;
      if (dueMs <= this.#dueMs[this.#heap[child]!]!) break;
      this.#put(this.#heap[child]!, place);
      place = child;
    }
    this.#put(timer, place);
  }

  #put(timer: number, place: number): void {
    this.#heap[place] = timer;
    this.#place[timer] = place;
  }
}
