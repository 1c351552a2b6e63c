import type { ClaimedDelivery, Settlement } from './delivery-queue.ts';

/** What is needed of a logger (pino's shape). */
export type OutboxLogger = {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
};

/** What the outbox writes to the log. */
export class OutboxLog {
  readonly #logger: OutboxLogger;
  #queueFails = false;

  constructor(logger: OutboxLogger) {
    this.#logger = logger;
  }

  /** What became of a delivery. */
  settled({ id, channel, notices, attempts }: ClaimedDelivery, settlement: Settlement): void {
    const [{ name, type }] = notices;
    const about = notices.length === 1 ? { monitor: name, type } : { notices: notices.length };
    const details = { delivery: id, channel, ...about, attempt: attempts + 1 };
    if (settlement.kind === 'buried') {
      this.#logger.error({ ...details, error: settlement.error }, 'alert not delivered: given up');
    } else if (settlement.kind === 'retry') {
      const { error, nextAttemptMs } = settlement;
      this.#logger.warn({ ...details, error, nextAttemptMs }, 'alert not delivered yet');
    } else if (settlement.attempt) {
      this.#logger.info({ ...details, detail: settlement.attempt.detail }, 'alert delivered');
    }
  }

  /** A channel's circuit, before and after an attempt. */
  circuit(channel: string, { wasClosed, retryAtMs }: { wasClosed: boolean; retryAtMs: number | null }): void {
    if (wasClosed && retryAtMs !== null) this.#logger.warn({ channel, retryAtMs }, 'a channel fails: it gets a pause');
    if (!wasClosed && retryAtMs === null) this.#logger.info({ channel }, 'a channel works again');
  }

  unstorable(channel: string, error: unknown): void {
    this.#logger.error({ err: error, channel }, 'what became of an alert cannot be stored as it is');
  }

  notifierThrew(channel: string, error: unknown): void {
    this.#logger.error({ err: error, channel }, 'a notifier threw; it must not');
  }

  /** How a round of the queue went: null for well. Only a change is written. */
  queue(error: unknown): void {
    if (error !== null && !this.#queueFails) this.#logger.error({ err: error }, 'the queue of alerts fails');
    if (error === null && this.#queueFails) this.#logger.info({}, 'the queue of alerts works again');
    this.#queueFails = error !== null;
  }
}
