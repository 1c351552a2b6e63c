/** A pending call of `Clock.after`. */
export type Timer = { cancel(): void };

/**
 * Time as a port: the only way any room learns the time or waits for it. `SystemClock` is the real one; tests drive a
 * fake one by hand, also backwards.
 */
export interface Clock {
  /** Unix time in milliseconds, an integer. May jump either way (NTP, suspend, an operator). */
  wallMs(): number;
  /** Milliseconds since an arbitrary start; never goes back, and may stop while the machine is suspended. */
  monotonicMs(): number;
  /** Calls `run` once after `delayMs` (0 to 2^31-1) of monotonic time. A pending timer does not keep the process alive. */
  after(delayMs: number, run: () => void): Timer;
  /** Calls `run` once after the I/O that is already waiting has been handled (the check phase of the event loop). */
  afterIo(run: () => void): void;
}
