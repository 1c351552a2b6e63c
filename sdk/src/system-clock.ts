import type { Clock, Timer } from './clock.ts';

/** Past this, timers of every JavaScript runtime overflow and fire at once. */
const DELAY_MS_MAX = 2 ** 31 - 1;

/** The machine's clocks and the runtime's timers. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs: number, run: () => void, options?: { keepAlive?: boolean }): Timer {
    const timer: unknown = setTimeout(run, Math.min(delayMs, DELAY_MS_MAX));
    // Browsers hand out a number, Node an object that can let the process go.
    if (!options?.keepAlive) (timer as { unref?: () => void }).unref?.();
    return { cancel: () => clearTimeout(timer as number) };
  },
  afterIo(run: () => void): void {
    const { setImmediate } = globalThis as { setImmediate?: (run: () => void) => unknown };
    if (setImmediate) setImmediate(run);
    else setTimeout(run, 0);
  },
};
