import type { Clock } from '../clock.ts';

/** A wait that can be cut short. A `wake` that comes while nobody waits ends the next wait at once, so none is missed. */
export class WakeUp {
  readonly #clock: Clock;
  #wanted = false;
  #resume: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  wake(): void {
    this.#wanted = true;
    this.#resume?.();
  }

  /** Resolves after `delayMs`, or as soon as `wake` is called. For one waiter at a time. */
  async wait(delayMs: number): Promise<void> {
    if (!this.#wanted) {
      await new Promise<void>((resolve) => {
        const timer = this.#clock.after(delayMs, resolve);
        this.#resume = () => {
          timer.cancel();
          resolve();
        };
      });
    }
    this.#resume = undefined;
    this.#wanted = false;
  }
}
