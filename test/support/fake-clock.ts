import type { Clock, Timer } from '../../server/clock.ts';

type Pending = { atMs: number; seq: number; run: () => void };

/**
 * A clock that stands still until a test moves it. `advance` moves both clocks together and runs what falls due, in
 * order, letting promises and immediates settle in between; `jumpWall` moves the wall clock alone, as NTP would;
 * `suspend` moves the wall clock and lets no timer run meanwhile, as a closed lid would.
 */
export class FakeClock implements Clock {
  #wallMs: number;
  #monotonicMs = 0;
  #seq = 0;
  #pending = new Set<Pending>();
  /** Calls of `afterIo` that have not run. */
  #afterIo = 0;

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#wallMs = startMs;
  }

  wallMs(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  after(delayMs: number, run: () => void): Timer {
    const entry = { atMs: this.#monotonicMs + Math.max(0, delayMs), seq: this.#seq++, run };
    this.#pending.add(entry);
    return { cancel: () => this.#pending.delete(entry) };
  }

  afterIo(run: () => void): void {
    this.#afterIo += 1;
    setImmediate(() => {
      this.#afterIo -= 1;
      run();
    });
  }

  /** Calls of `after` that are still to come. */
  get pendingTimers(): number {
    return this.#pending.size;
  }

  jumpWall(deltaMs: number): void {
    this.#wallMs += deltaMs;
  }

  suspend(durationMs: number): void {
    this.#wallMs += durationMs;
  }

  /** Moves on without running anything: the event loop was blocked for so long. */
  stall(durationMs: number): void {
    this.#wallMs += durationMs;
    this.#monotonicMs += durationMs;
  }

  async advance(durationMs: number): Promise<void> {
    const endMs = this.#monotonicMs + durationMs;
    await this.#settle();
    for (;;) {
      const next = this.#nextBefore(endMs);
      if (!next) break;
      this.#pending.delete(next);
      this.#moveTo(next.atMs);
      next.run();
      await this.#settle();
    }
    this.#moveTo(endMs);
    await this.#settle();
  }

  /** Until nobody waits for the I/O any more: work that goes on from turn to turn takes no time. */
  async #settle(): Promise<void> {
    do await settle();
    while (this.#afterIo > 0);
  }

  #nextBefore(endMs: number): Pending | undefined {
    let best: Pending | undefined;
    for (const entry of this.#pending) {
      if (entry.atMs > endMs) continue;
      if (!best || entry.atMs < best.atMs || (entry.atMs === best.atMs && entry.seq < best.seq)) best = entry;
    }
    return best;
  }

  #moveTo(monotonicMs: number): void {
    const delta = Math.max(0, monotonicMs - this.#monotonicMs);
    this.#monotonicMs += delta;
    this.#wallMs += delta;
  }
}

/** Lets queued promises and immediates run. */
export async function settle(turns = 3): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
}
