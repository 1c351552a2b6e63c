import type { Clock, Timer } from './clock.ts';

/** The machine's clocks and Node's timers. */
export class SystemClock implements Clock {
  wallMs(): number {
    return Date.now();
  }

  monotonicMs(): number {
    return performance.now();
  }

  after(delayMs: number, run: () => void): Timer {
    const timer = setTimeout(run, delayMs);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  }

  afterIo(run: () => void): void {
    setImmediate(run);
  }
}
