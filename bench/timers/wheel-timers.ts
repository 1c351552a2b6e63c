import { TimingWheel } from '../../server/engine/wheel/timing-wheel.ts';
import { type RearmPlan, type TimerSet, timerCount } from './rearm-plan.ts';

/** The product's wheel. Its handles are the numbers of the timers. */
export class WheelTimers implements TimerSet {
  readonly #wheel = new TimingWheel({ epochMs: 0, capacity: timerCount });
  readonly #plan: RearmPlan;
  #nowMs = 0;

  constructor(plan: RearmPlan) {
    this.#plan = plan;
    for (let timer = 0; timer < timerCount; timer++) this.#wheel.allocate();
    this.rearmAll(0);
  }

  rearmAll(passMs: number): void {
    const { order, periodMs } = this.#plan;
    const fromMs = this.#nowMs;
    for (let index = 0; index < timerCount; index++) {
      this.#nowMs = fromMs + Math.floor((index * passMs) / timerCount);
      this.#wheel.arm(order[index]!, this.#nowMs + periodMs[index]!);
    }
  }

  /** Does the work that lazy re-arming put off: visits what was filed for the time that has passed. */
  catchUp(): void {
    do {
      const fired = this.#wheel.advance(this.#nowMs, 1_000);
      if (fired.length > 0) throw new Error('a timer fired that had been re-armed');
    } while (this.#wheel.nextMs()! <= this.#nowMs);
  }

  close(): void {}
}
