import type { Clock, Timer } from './clock.ts';
import type { DeliveryStats } from './outbox/delivery-queue.ts';
import { type SelfWatched, stuckPart } from './self-watch.ts';

const lookEveryMs = 1_000;

/** A report is made anew at most this often: its counts are not free while many alerts wait. */
const reportEveryMs = 1_000;

/** The `status` of a report while a part is stuck. Only a store that fails makes the server unfit. */
const statusOf = { store: 'store_failing', engine: 'engine_stuck', alerts: 'alerts_stuck' } as const;

type Report = { ok: boolean; body: object };

type Options = SelfWatched & {
  clock: Clock;
  /** Whether the report may show what receivers answered: it is open to everybody who reaches the port. */
  showErrors: boolean;
  deliveries: { stats(): Promise<DeliveryStats> };
};

/**
 * What health checks are told. The server serves while it can record beats; alerts that cannot be delivered, or are stuck,
 * show in the report, but do not make it unfit: taking pings elsewhere would not help them.
 */
export class ServingHealth {
  readonly #options: Options;
  readonly #listeners = new Set<() => void>();
  #state: 'starting' | 'open' | 'shutting_down' = 'starting';
  #last = false;
  #report: { madeMs: number; value: Promise<Report> } | undefined;
  #timer: Timer | undefined;

  constructor(options: Options) {
    this.#options = options;
  }

  serving(): boolean {
    return this.#state === 'open' && this.#options.engine.health().storeError === '';
  }

  /** Calls `listener` after a change; the result takes it off again. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The server takes calls from now on. */
  open(): void {
    this.#state = 'open';
    this.#report = undefined;
    this.#look();
  }

  /** It does not any more. */
  close(): void {
    this.#state = 'shutting_down';
    this.#report = undefined;
    this.#timer?.cancel();
    this.#tellChange();
  }

  /** The answer of `/healthz`. */
  report(): Promise<Report> {
    const nowMs = this.#options.clock.monotonicMs();
    if (!this.#report || nowMs - this.#report.madeMs >= reportEveryMs) {
      this.#report = { madeMs: nowMs, value: this.#makeReport() };
    }
    return this.#report.value;
  }

  async #makeReport(): Promise<Report> {
    const { clock, engine, deliveries, showErrors } = this.#options;
    const health = engine.health();
    const stuck = this.#state === 'open' ? stuckPart(this.#options) : null;
    const stats = await deliveries.stats().catch(() => null);
    const oldestMs = stats?.oldestCreatedMs ?? null;
    const ok = this.serving();
    return {
      ok,
      body: {
        status: this.#state !== 'open' ? this.#state : stuck ? statusOf[stuck.part] : 'ok',
        ...(stuck && showErrors ? { problem: stuck.problem } : {}),
        store: { error: health.storeError === '' ? null : health.storeError },
        engine: { monitors: health.monitors, awaited: health.armed, queued: health.queued },
        alerts: stats && {
          pending: stats.pending,
          failing: stats.failing,
          given_up: stats.buried,
          oldest_pending_s: oldestMs === null ? null : Math.max(0, Math.round((clock.wallMs() - oldestMs) / 1000)),
          ...(showErrors ? { last_error: stats.lastError === '' ? null : stats.lastError } : {}),
        },
      },
    };
  }

  #look(): void {
    this.#tellChange();
    this.#timer = this.#options.clock.after(lookEveryMs, () => this.#look());
  }

  #tellChange(): void {
    const serving = this.serving();
    if (serving === this.#last) return;
    this.#last = serving;
    for (const listener of this.#listeners) listener();
  }
}
