import type { Clock } from '../clock.ts';
import type { Store } from '../store/store.ts';
import type { BlindInterval } from './domain/monitor.ts';

/** How often "I was listening" is stamped, ms. */
export const stampEveryMs = 1_000;
/** A gap between stamps from which on the time within it counts as blind, ms. */
const blindFromGapMs = 2_000;
/** How far wall and monotonic clock may drift apart between two looks before the wall clock counts as jumped, ms. */
const jumpFromMs = 1_000;
/** How far back blind time can matter: the longest period and grace, twice. */
const memoryMs = 4 * 366 * 86_400_000;
/** Blind intervals kept in memory; a store keeps as many. */
const blindsMax = 1_000;

/**
 * Keeps the record of when this server was listening. Whatever kept it from stamping (a restart, a suspended machine, a
 * stalled loop, a store that was away) left a gap, and the silence of a monitor within a gap proves nothing.
 */
export class Listening {
  readonly #store: Store;
  readonly #clock: Clock;
  #blinds: BlindInterval[] = [];
  /** Wall and monotonic time of the last look. */
  #looked: { wallMs: number; monotonicMs: number };
  /** The last stamp, by both clocks; wall null: never stamped. */
  #stamped: { wallMs: number | null; monotonicMs: number };
  #refusedSinceMs: number | null = null;

  constructor({ store, clock }: { store: Store; clock: Clock }) {
    this.#store = store;
    this.#clock = clock;
    this.#looked = { wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() };
    this.#stamped = { wallMs: null, monotonicMs: Number.NEGATIVE_INFINITY };
  }

  /** Blind intervals, oldest first. */
  get blinds(): readonly BlindInterval[] {
    return this.#blinds;
  }

  /** Reads the record and closes the gap since the last run. Returns by how much the clock was set back, ms (<= 0). */
  async start(): Promise<number> {
    const nowMs = this.#clock.wallMs();
    this.#blinds = await this.#store.blindIntervals(nowMs - memoryMs);
    const lastMs = await this.#store.lastListening();
    this.#stamped = { wallMs: lastMs, monotonicMs: Number.NEGATIVE_INFINITY };
    await this.stamp();
    return lastMs === null ? 0 : Math.min(0, nowMs - lastMs);
  }

  /** By how much the wall clock jumped since the last call, ms; 0 when it only went on. */
  takeJump(): number {
    const now = { wallMs: this.#clock.wallMs(), monotonicMs: this.#clock.monotonicMs() };
    const driftMs = now.wallMs - this.#looked.wallMs - (now.monotonicMs - this.#looked.monotonicMs);
    this.#looked = now;
    return Math.abs(driftMs) > jumpFromMs ? Math.round(driftMs) : 0;
  }

  /** Beats were refused since the last stamp: until the next one silence proves nothing. */
  get isRefusing(): boolean {
    return this.#refusedSinceMs !== null;
  }

  /** Whether the stamp is due: beats were refused, a second has passed by either clock, or the wall clock went back. */
  isStampDue(): boolean {
    const { wallMs, monotonicMs } = this.#stamped;
    if (this.isRefusing || wallMs === null || this.#clock.monotonicMs() - monotonicMs >= stampEveryMs) return true;
    const sinceMs = this.#clock.wallMs() - wallMs;
    return sinceMs >= stampEveryMs || sinceMs < 0;
  }

  /** How long ago the last stamp of this run was, ms by the monotonic clock; infinite: there was none. */
  unstampedMs(): number {
    return this.#clock.monotonicMs() - this.#stamped.monotonicMs;
  }

  /** Milliseconds until the next stamp is due. */
  untilStampMs(): number {
    return Math.max(0, this.#stamped.monotonicMs + stampEveryMs - this.#clock.monotonicMs());
  }

  /**
   * Stamps, and records the blind time that ends now, if there was any. Returns it when it is news, not merely the last
   * interval going on. Rejects with StoreError; call it again.
   */
  async stamp(): Promise<BlindInterval | null> {
    const nowMs = this.#clock.wallMs();
    const refusedSinceMs = this.#refusedSinceMs;
    const blind = this.#blindUntil(nowMs);
    // What is refused while the stamp is being written counts for the next one.
    this.#refusedSinceMs = null;
    try {
      await this.#store.stampListening(nowMs, blind);
    } catch (error) {
      if (refusedSinceMs !== null) this.#refusedFrom(refusedSinceMs);
      throw error;
    }
    this.#stamped = { wallMs: nowMs, monotonicMs: this.#clock.monotonicMs() };
    return blind && this.#remember(blind) ? blind : null;
  }

  /**
   * Beats were refused (the store could not write, or the queue was full), the first of them received at `receivedMs`:
   * the time from then, or from the last stamp if that was before, until the next stamp is blind.
   */
  refused(receivedMs: number): void {
    this.#refusedFrom(Math.min(receivedMs, this.#stamped.wallMs ?? receivedMs));
  }

  #refusedFrom(sinceMs: number): void {
    this.#refusedSinceMs = Math.min(sinceMs, this.#refusedSinceMs ?? sinceMs);
  }

  #blindUntil(nowMs: number): BlindInterval | null {
    const lastMs = this.#stamped.wallMs;
    const gapFromMs = lastMs !== null && nowMs - lastMs >= blindFromGapMs ? lastMs : nowMs;
    const fromMs = Math.min(gapFromMs, this.#refusedSinceMs ?? nowMs);
    return fromMs < nowMs || this.isRefusing ? { fromMs, toMs: nowMs } : null;
  }

  /** False when it prolongs the last interval. */
  #remember(blind: BlindInterval): boolean {
    const last = this.#blinds.at(-1);
    if (last && blind.fromMs >= last.fromMs && blind.fromMs <= last.toMs) {
      // A new object: a hold may quote the old one.
      this.#blinds[this.#blinds.length - 1] = { fromMs: last.fromMs, toMs: Math.max(last.toMs, blind.toMs) };
      return false;
    }
    this.#blinds.push(blind);
    if (this.#blinds.length > blindsMax) this.#blinds.shift();
    return true;
  }
}
