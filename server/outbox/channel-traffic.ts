import type { FailureReason, Verdict } from '../notify/notifier.ts';
import { afterAttempt, type Circuit, closedCircuit, pausedUntilMs, roomFor } from './circuit-breaker.ts';
import type { Told } from './grouping.ts';

/** How a channel is doing. */
export type TrafficState = {
  /** As in `CircuitState` of the contract. */
  circuit: 'closed' | 'open' | 'half_open';
  /** When the next attempt is made, Unix ms; null while the circuit is closed. */
  retryAtMs: number | null;
  /** Unix ms; null: none since the start. */
  lastSentMs: number | null;
  lastFailedMs: number | null;
  /** Of the attempt that failed last; '': none did since the start. */
  lastError: string;
  /** Attempts that succeeded since the start. */
  sent: number;
  /** Those that failed, by their reason. */
  failed: ReadonlyMap<FailureReason, number>;
};

type Failure = { reason: FailureReason; detail: string };

/** An instant by both clocks. */
export type Instant = { wallMs: number; monotonicMs: number };

/** What the outbox remembers of one channel while it runs. Intervals are measured by the monotonic clock. */
export class ChannelTraffic {
  #underWay = 0;
  #circuit: Circuit = closedCircuit;
  /** Grows when what was under way says nothing any more. */
  #generation = 0;
  readonly #told: Told[] = [];
  #lastDigestMs: number | null = null;
  #lastSentMs: number | null = null;
  #lastFailedMs: number | null = null;
  #lastFailure: Failure | null = null;
  #sent = 0;
  readonly #failed = new Map<FailureReason, number>();

  /** Attempts under way. */
  get underWay(): number {
    return this.#underWay;
  }

  /** Of the attempt that failed last. */
  get lastFailure(): Failure | null {
    return this.#lastFailure;
  }

  /** What was sent lately, as `noteTold` keeps it, and when the last digest was. */
  get history(): { told: readonly Told[]; lastDigestMs: number | null } {
    return { told: this.#told, lastDigestMs: this.#lastDigestMs };
  }

  /** How many attempts may begin now. */
  room(concurrency: number, nowMs: number): number {
    return roomFor(this.#circuit, { nowMs, concurrency, underWay: this.#underWay });
  }

  /** No attempt may begin before; null: they may now. */
  pausedUntilMs(nowMs: number): number | null {
    return pausedUntilMs(this.#circuit, nowMs);
  }

  /** For how long attempts have failed with no success between, ms. */
  failingForMs(nowMs: number): number {
    const { failingSinceMs } = this.#circuit;
    return failingSinceMs === null ? 0 : nowMs - failingSinceMs;
  }

  /** A message goes for the first time. `memoryMs`: how long that matters. */
  noteTold(message: Told & { isDigest: boolean; memoryMs: number }): void {
    const { atMs, notices, isDigest, memoryMs } = message;
    this.#told.push({ atMs, notices });
    while (this.#told.length > 0 && this.#told[0]!.atMs <= atMs - memoryMs) this.#told.shift();
    if (isDigest) this.#lastDigestMs = atMs;
  }

  /** Somebody changed the channel, or saw that it works: what failed before says nothing any more. */
  forgive(): void {
    this.#circuit = closedCircuit;
    this.#generation += 1;
  }

  /** Returns what `end` is to be told. */
  begin(): number {
    this.#underWay += 1;
    return this.#generation;
  }

  end(outcome: { id: string; verdict: Verdict; random: number; generation: number }, now: Instant): void {
    this.#underWay -= 1;
    const { verdict, generation, ...its } = outcome;
    if (generation === this.#generation) {
      this.#circuit = afterAttempt(this.#circuit, { ...its, verdict, nowMs: now.monotonicMs });
    }
    if (verdict.kind === 'ok') {
      this.#sent += 1;
      this.#lastSentMs = now.wallMs;
      return;
    }
    this.#failed.set(verdict.reason, (this.#failed.get(verdict.reason) ?? 0) + 1);
    this.#lastFailedMs = now.wallMs;
    this.#lastFailure = verdict;
  }

  /** While the circuit is not closed, when it lets the next attempt through, Unix ms; else null. */
  retryAtMs({ wallMs, monotonicMs }: Instant): number | null {
    const untilMs = this.pausedUntilMs(monotonicMs);
    // Whole: the monotonic clock has parts of a ms, and the store takes none.
    if (untilMs !== null) return Math.ceil(wallMs + untilMs - monotonicMs);
    return this.#circuit.retryMs === null ? null : wallMs;
  }

  state(now: Instant): TrafficState {
    const retryAtMs = this.retryAtMs(now);
    const isPaused = this.pausedUntilMs(now.monotonicMs) !== null;
    return {
      circuit: retryAtMs === null ? 'closed' : isPaused ? 'open' : 'half_open',
      retryAtMs,
      lastSentMs: this.#lastSentMs,
      lastFailedMs: this.#lastFailedMs,
      lastError: this.#lastFailure ? `${this.#lastFailure.reason}: ${this.#lastFailure.detail}` : '',
      sent: this.#sent,
      failed: new Map(this.#failed),
    };
  }
}
