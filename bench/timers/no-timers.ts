import { type RearmPlan, type TimerSet, timerCount } from './rearm-plan.ts';

/** Goes through the plan as the others do and arms nothing: what of their time is the benchmark's own. */
export class NoTimers implements TimerSet {
  readonly #plan: RearmPlan;
  #nowMs = 0;
  /** Kept, so that the reading is not optimised away. */
  #sum = 0;

  constructor(plan: RearmPlan) {
    this.#plan = plan;
  }

  rearmAll(passMs: number): void {
    const { order, periodMs } = this.#plan;
    const fromMs = this.#nowMs;
    for (let index = 0; index < timerCount; index++) {
      this.#nowMs = fromMs + Math.floor((index * passMs) / timerCount);
      this.#sum = (this.#sum + order[index]! + this.#nowMs + periodMs[index]!) | 0;
    }
  }

  close(): void {}
}
