import type { Clock } from '../clock.ts';
import type { Notifier, Verdict } from '../notify/notifier.ts';
import type { ClaimedDelivery, DeliveryQueue, Settlement } from './delivery-queue.ts';
import { settlementOf } from './settlement-of.ts';
import { WakeUp } from './wake-up.ts';

/** What is needed of a logger (pino's shape). */
export type OutboxLogger = {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
};

export type OutboxLimits = {
  /** Attempts under way at once in one channel. */
  channelConcurrency: number;
  /** Deliveries claimed and not settled yet, over all channels. */
  held: number;
  /** How long a claim lasts. Well above the time limit of a notifier. */
  leaseMs: number;
};

export type OutboxOptions = {
  queue: DeliveryQueue;
  clock: Clock;
  /** Uniform in [0, 1). */
  random: () => number;
  /** By channel. */
  notifiers: { get(channel: string): Notifier | undefined };
  logger: OutboxLogger;
  limits?: Partial<OutboxLimits>;
};

type Held = { delivery: ClaimedDelivery; abort: AbortController };

const defaultLimits: OutboxLimits = { channelConcurrency: 8, held: 1_024, leaseMs: 60_000 };
/** Pause after the queue failed. */
const backOffMs = 1_000;
/** Longest pause: the wall clock may jump ahead, or another process add to the queue. */
const idleMaxMs = 30_000;
/** Time for attempts that were cut off to end, and for their outcomes to be stored. */
const abortGraceMs = 1_000;

/**
 * Gets deliveries to their channels: claims what is due, has it sent, and settles it by the verdict. At-least-once: a
 * delivery is settled only after its notifier said what became of it; one that is cut off by a crash is sent again, with
 * the same id.
 *
 * While the queue cannot write, nothing more is claimed, and outcomes are kept until they are settled.
 */
export class Outbox {
  readonly #queue: DeliveryQueue;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #notifiers: OutboxOptions['notifiers'];
  readonly #logger: OutboxLogger;
  readonly #limits: OutboxLimits;
  readonly #wakeUp: WakeUp;
  /** Attempts under way, by channel: one that hangs takes no more than its own share. */
  readonly #underWay = new Map<string, number>();
  /** By seq: all that is claimed and not settled yet. */
  readonly #held = new Map<number, Held>();
  #outcomes: Settlement[] = [];
  #loop: Promise<void> | undefined;
  #stopping = false;
  #gaveUp = false;
  #queueFails = false;

  constructor({ queue, clock, random, notifiers, logger, limits }: OutboxOptions) {
    this.#queue = queue;
    this.#clock = clock;
    this.#random = random;
    this.#notifiers = notifiers;
    this.#logger = logger;
    this.#limits = { ...defaultLimits, ...limits };
    this.#wakeUp = new WakeUp(clock);
  }

  /**
   * Starts to work. Leases of whoever held the queue before are given up first: what was under way is sent again.
   *
   * @throws StoreError when the queue cannot be written.
   */
  async start(): Promise<void> {
    await this.#queue.releaseLeases();
    this.#loop ??= this.#run();
  }

  /** Something may be due: deliveries were just committed. */
  poke(): void {
    this.#wakeUp.wake();
  }

  /**
   * Claims nothing more, and waits up to `graceMs` for the attempts under way; the rest is cut off and goes back to the
   * queue, due at once. Resolves when all that could be is settled, about 2 s after `graceMs` at the latest.
   */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    this.#wakeUp.wake();
    const cutOff = this.#clock.after(graceMs, () => {
      for (const { abort } of this.#held.values()) abort.abort();
    });
    const giveUp = this.#clock.after(graceMs + abortGraceMs, () => {
      this.#gaveUp = true;
      this.#wakeUp.wake();
    });
    await this.#loop;
    cutOff.cancel();
    giveUp.cancel();
  }

  async #run(): Promise<void> {
    while (!this.#isDone()) {
      try {
        // Attempts that end in the same turn are settled together.
        await new Promise<void>((resolve) => this.#clock.afterIo(resolve));
        await this.#settle();
        const waitMs = await this.#claimDue();
        this.#noteQueue(null);
        if (this.#isDone()) return;
        await this.#wakeUp.wait(waitMs);
      } catch (error) {
        this.#noteQueue(error);
        await new Promise<void>((resolve) => this.#clock.after(backOffMs, resolve));
      }
    }
  }

  #isDone(): boolean {
    return this.#stopping && (this.#held.size === 0 || this.#gaveUp);
  }

  async #settle(): Promise<void> {
    const outcomes = this.#outcomes;
    if (outcomes.length === 0) return;
    this.#outcomes = [];
    try {
      await this.#queue.settle(outcomes);
    } catch (error) {
      this.#outcomes = [...outcomes, ...this.#outcomes];
      throw error;
    }
    for (const { seq } of outcomes) this.#held.delete(seq);
  }

  /** Claims as much as there is room for; returns how long to wait, ms, unless something happens. */
  async #claimDue(): Promise<number> {
    for (;;) {
      const limit = this.#limits.held - this.#held.size;
      if (limit <= 0 || this.#stopping) return idleMaxMs;
      const nowMs = this.#clock.wallMs();
      const channelLimit = (channel: string): number => this.#room(channel);
      const claimed = await this.#queue.claim({ nowMs, limit, channelLimit, leaseMs: this.#limits.leaseMs });
      // Their leases are given up by the next start.
      if (this.#stopping) return idleMaxMs;
      for (const delivery of claimed) this.#take({ delivery, abort: new AbortController() });
      if (claimed.length === limit) continue;
      const nextMs = await this.#queue.nextClaimMs((channel) => this.#room(channel) > 0);
      if (nextMs === null) return idleMaxMs;
      // What was due has been claimed. If something is due all the same, do not spin over it.
      return nextMs <= nowMs ? backOffMs : Math.min(idleMaxMs, Math.max(0, nextMs - this.#clock.wallMs()));
    }
  }

  /** How many attempts a channel may begin now. */
  #room(channel: string): number {
    return this.#limits.channelConcurrency - (this.#underWay.get(channel) ?? 0);
  }

  #take(held: Held): void {
    const { seq, channel } = held.delivery;
    // Its lease ran out while we still have it, as after a suspend: it is in good hands.
    if (this.#held.has(seq)) return;
    this.#held.set(seq, held);
    this.#underWay.set(channel, (this.#underWay.get(channel) ?? 0) + 1);
    void this.#attempt(held);
  }

  async #attempt({ delivery, abort }: Held): Promise<void> {
    const { channel } = delivery;
    const beganMs = this.#clock.wallMs();
    const verdict = await this.#send(delivery, abort.signal);
    this.#underWay.set(channel, this.#underWay.get(channel)! - 1);
    const settlement = settlementOf(verdict, {
      delivery,
      beganMs,
      nowMs: this.#clock.wallMs(),
      random: this.#random(),
    });
    this.#noteAttempt(delivery, { verdict, settlement });
    this.#outcomes.push(settlement);
    this.#wakeUp.wake();
  }

  async #send(
    { id, channel, notices, attempts, endedDigests }: ClaimedDelivery,
    signal: AbortSignal,
  ): Promise<Verdict> {
    const notifier = this.#notifiers.get(channel);
    if (!notifier) {
      return { kind: 'retryable', reason: 'no_channel', detail: `there is no channel "${channel}" any more` };
    }
    try {
      return await notifier.send({ id, notices, attempt: attempts + 1, endedDigests }, signal);
    } catch (error) {
      this.#logger.error({ err: error, channel }, 'a notifier threw; it must not');
      return { kind: 'retryable', reason: 'internal', detail: 'the notifier failed' };
    }
  }

  #noteAttempt(
    { id, channel, notices, attempts }: ClaimedDelivery,
    { verdict, settlement }: { verdict: Verdict; settlement: Settlement },
  ): void {
    const [{ name, type }] = notices;
    const details = { delivery: id, channel, monitor: name, type, attempt: attempts + 1 };
    if (settlement.kind === 'buried') {
      this.#logger.error({ ...details, error: settlement.error }, 'alert not delivered: given up');
    } else if (settlement.kind === 'retry') {
      const { error, nextAttemptMs } = settlement;
      this.#logger.warn({ ...details, error, nextAttemptMs }, 'alert not delivered yet');
    } else {
      this.#logger.info({ ...details, detail: verdict.detail }, 'alert delivered');
    }
  }

  #noteQueue(error: unknown): void {
    if (error !== null && !this.#queueFails) this.#logger.error({ err: error }, 'the queue of alerts fails');
    if (error === null && this.#queueFails) this.#logger.info({}, 'the queue of alerts works again');
    this.#queueFails = error !== null;
  }
}
