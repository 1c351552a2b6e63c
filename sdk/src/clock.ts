/** A pending call of `Clock.after`. */
export type Timer = { cancel(): void };

/** Time as a port, so that tests can drive it by hand. */
export interface Clock {
  /** Unix time in milliseconds. May jump either way. */
  wallMs(): number;
  /** Milliseconds since an arbitrary start; never goes back, and may stop while the machine is suspended. */
  monotonicMs(): number;
  /**
   * Calls `run` once after `delayMs` (0 to 2^31-1). A pending call keeps the process alive only with `keepAlive`.
   */
  after(delayMs: number, run: () => void, options?: { keepAlive?: boolean }): Timer;
  /** Calls `run` once in a later turn of the event loop, as soon as possible. It keeps the process alive until then. */
  afterIo(run: () => void): void;
}
