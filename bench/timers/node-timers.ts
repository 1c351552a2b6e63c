import { type RearmPlan, type TimerSet, timerCount } from './rearm-plan.ts';

/** Node's own timers, each moved by `timeout.refresh()`. */
export class NodeTimers implements TimerSet {
  readonly #timeouts: NodeJS.Timeout[] = [];
  readonly #order: Uint32Array;

  constructor({ order, periodMs }: RearmPlan) {
    this.#order = order;
    const fire = (): void => {
      throw new Error('a timer fired that had been re-armed');
    };
    const byTimer = new Uint32Array(timerCount);
    for (const [index, timer] of order.entries()) byTimer[timer] = periodMs[index]!;
    for (const ms of byTimer) this.#timeouts.push(setTimeout(fire, ms));
  }

  rearmAll(): void {
    for (const timer of this.#order) this.#timeouts[timer]!.refresh();
  }

  close(): void {
    for (const timeout of this.#timeouts) clearTimeout(timeout);
  }
}
