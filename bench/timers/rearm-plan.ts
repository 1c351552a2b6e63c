export const timerCount = 1_000_000;

/** How one million timers are re-armed: the order and the periods are the same for every kind of timer. */
export type RearmPlan = {
  /** Timers in the order in which they are re-armed. */
  order: Uint32Array;
  /** Period of the timer at each place of `order`, ms: read in sequence, so that the reading is not what is measured. */
  periodMs: Uint32Array;
};

/** Something that holds the timers 0 to `timerCount` - 1, all of them armed. */
export interface TimerSet {
  /** Re-arms all of them once, each for its period from a present that moves on by `passMs` meanwhile. */
  rearmAll(passMs: number): void;
  close(): void;
}
