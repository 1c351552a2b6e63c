import type { Clock } from '../clock.ts';
import { giveUpAgeMs } from '../engine/domain/retry-policy.ts';
import type { FailureReason } from '../notify/notifier.ts';
import { type AttemptContext, attemptDelivery, settleAs } from './attempt-delivery.ts';
import { ChannelTraffic, type Instant, type TrafficState } from './channel-traffic.ts';
import type { ClaimedDelivery, ClaimOptions, DeliveryQueue, Settlement } from './delivery-queue.ts';
import { freshLimit, isGrouped, type LanePlan, planLane } from './lane-plan.ts';
import type { Lane, Lanes } from './lanes.ts';
import { OutboxLog, type OutboxLogger } from './outbox-log.ts';
import { Outcomes } from './outcomes.ts';
import { WakeUp } from './wake-up.ts';

export type OutboxLimits = {
  /** Deliveries claimed and not settled yet, over all channels. Beyond it a channel has `shareMin` still. */
  held: number;
  /** How long a claim lasts. Well above the time limit of a notifier. */
  leaseMs: number;
};

export type OutboxOptions = {
  queue: DeliveryQueue;
  clock: Clock;
  /** Uniform in [0, 1). */
  random: () => number;
  /** Unique ids of digests. */
  newId: () => string;
  lanes: Lanes;
  logger: OutboxLogger;
  limits?: Partial<OutboxLimits>;
};

type Held = { delivery: ClaimedDelivery; abort: AbortController };
type ChannelLimit = NonNullable<ClaimOptions['channelLimit']>;

const defaultLimits: OutboxLimits = { held: 1_024, leaseMs: 60_000 };
/** Attempts under way that a channel may have however much others have: receivers that hang delay no other. */
const shareMin = 4;
/** Pause after the queue failed. */
const backOffMs = 1_000;
/** Longest pause: the wall clock may jump ahead, or another process add to the queue. */
const idleMaxMs = 30_000;
/** Time for attempts that were cut off to end, and for their outcomes to be stored. */
const abortGraceMs = 1_000;
/** The loop is stuck when it made no round for so long: twice its longest pause. */
const roundMaxMs = 60_000;
/** What is due so long and not claimed is stuck. */
const stuckMs = 3 * 60_000;

/**
 * Gets deliveries to their channels: claims what is due, has it sent, and settles it by the verdict. At-least-once: a
 * delivery is settled only after its notifier said what became of it; one that is cut off by a crash is sent again, with
 * the same id. Each channel has a lane of its own: what one does holds up no other.
 *
 * While the queue cannot write, nothing more is claimed, and outcomes are kept until they are settled.
 */
export class Outbox {
  readonly #queue: DeliveryQueue;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #newId: () => string;
  readonly #lanes: Lanes;
  readonly #log: OutboxLog;
  readonly #limits: OutboxLimits;
  readonly #wakeUp: WakeUp;
  readonly #traffic = new Map<string, ChannelTraffic>();
  /** By seq: all that is claimed and not settled yet. */
  readonly #held = new Map<number, Held>();
  readonly #outcomes: Outcomes;
  #loop: Promise<void> | undefined;
  #stopping = false;
  #gaveUp = false;
  /** When the loop last made a full round, monotonic. */
  #roundMs: number;
  /** Since when something is due that no claim brings, monotonic; null: nothing. */
  #overdueSinceMs: number | null = null;

  constructor({ queue, clock, random, newId, lanes, logger, limits }: OutboxOptions) {
    this.#queue = queue;
    this.#clock = clock;
    this.#random = random;
    this.#newId = newId;
    this.#lanes = lanes;
    this.#log = new OutboxLog(logger);
    this.#limits = { ...defaultLimits, ...limits };
    this.#wakeUp = new WakeUp(clock);
    this.#outcomes = new Outcomes({
      queue,
      onSettled: (seq) => this.#held.delete(seq),
      onUnstorable: (seq, error) => this.#log.unstorable(this.#held.get(seq)?.delivery.channel ?? '', error),
    });
    this.#roundMs = clock.monotonicMs();
  }

  /**
   * Starts to work. Leases of whoever held the queue before are given up first: what was under way is sent again.
   *
   * @throws StoreError when the queue cannot be written.
   */
  async start(): Promise<void> {
    await this.#queue.releaseLeases();
    this.#roundMs = this.#clock.monotonicMs();
    this.#loop ??= this.#run();
  }

  /** Something may be due: deliveries were just committed, or the lanes have changed. */
  poke(): void {
    this.#wakeUp.wake();
  }

  /** Somebody changed a channel, or saw that it works: what waits for it is tried now. */
  async tryNow(channel: string): Promise<void> {
    this.#traffic.get(channel)?.forgive();
    await this.#queue.hasten(channel, this.#clock.wallMs());
    this.#wakeUp.wake();
  }

  /** How a channel is doing. */
  state(channel: string): TrafficState {
    return (this.#traffic.get(channel) ?? new ChannelTraffic()).state(this.#now());
  }

  /** The same of every channel that has had something to do. */
  states(): ReadonlyMap<string, TrafficState> {
    const now = this.#now();
    return new Map([...this.#traffic].map(([channel, traffic]) => [channel, traffic.state(now)]));
  }

  /** Why alerts do not get on, in plain words; '' when they do. That receivers fail is no reason. */
  problem(): string {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#roundMs >= roundMaxMs) return 'the queue of alerts is not worked on';
    if (this.#overdueSinceMs !== null && nowMs - this.#overdueSinceMs >= stuckMs)
      return 'alerts that are due stay behind';
    return '';
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
        await this.#outcomes.store();
        const waitMs = await this.#claimDue();
        this.#log.queue(null);
        this.#roundMs = this.#clock.monotonicMs();
        if (this.#isDone()) return;
        await this.#wakeUp.wait(waitMs);
      } catch (error) {
        this.#log.queue(error);
        await new Promise<void>((resolve) => this.#clock.after(backOffMs, resolve));
      }
    }
  }

  #isDone(): boolean {
    return this.#stopping && (this.#held.size === 0 || this.#gaveUp);
  }

  /** Claims as much as there is room for; returns how long to wait, ms, unless something happens. */
  async #claimDue(): Promise<number> {
    for (;;) {
      const nowMs = this.#clock.wallMs();
      const wasFull = this.#isFull();
      await this.#giveUpStale(nowMs);
      // First what was tried: with room for one attempt only, it tells whether the channel works again.
      const tried = await this.#claim(nowMs, (channel, kind) => (kind === 'tried' ? this.#room(channel) : 0));
      for (const delivery of tried) this.#take(delivery);
      const plans = await this.#plans(nowMs);
      const fresh = await this.#claim(nowMs, (channel, kind) => freshLimit(plans.get(channel), kind) ?? 0);
      for (const delivery of fresh) this.#takeSingle(delivery, plans.get(delivery.channel)?.isLone ?? false);
      if (this.#stopping) return idleMaxMs;
      // It became full: channels that have nothing under way get their share.
      if (!wasFull && this.#isFull()) continue;
      if (!(await this.#formDigests(plans, nowMs))) return this.#untilNext(plans, nowMs);
    }
  }

  #isFull(): boolean {
    return this.#held.size >= this.#limits.held;
  }

  async #claim(nowMs: number, channelLimit: ChannelLimit): Promise<ClaimedDelivery[]> {
    if (this.#stopping) return [];
    // When it is full, `channelLimit` leaves each channel no more than its share.
    const limit = this.#isFull() ? Number.MAX_SAFE_INTEGER : this.#limits.held - this.#held.size;
    const claimed = await this.#queue.claim({ nowMs, limit, channelLimit, leaseMs: this.#limits.leaseMs });
    if (this.#stopping) return []; // Their leases are given up by the next start.
    // Its lease ran out while we still have it, as after a suspend: it is in good hands.
    return claimed.filter(({ seq }) => !this.#held.has(seq));
  }

  /** Decides for each channel with fresh deliveries whether they go now. */
  async #plans(nowMs: number): Promise<Map<string, LanePlan>> {
    const plans = new Map<string, LanePlan>();
    const now = { wallMs: nowMs, monotonicMs: this.#clock.monotonicMs() };
    for (const waiting of this.#stopping ? [] : await this.#queue.waiting(nowMs)) {
      const { channel } = waiting;
      const lane = this.#lanes.get(channel);
      const room = this.#room(channel);
      plans.set(channel, planLane(lane, { waiting, traffic: this.#trafficOf(channel), room, now }));
    }
    return plans;
  }

  /** Returns whether there are any now. */
  async #formDigests(plans: Map<string, LanePlan>, nowMs: number): Promise<boolean> {
    let formed = 0;
    for (const [channel, { isDigest, isKeyed }] of plans) {
      if (!isDigest) continue;
      const id = this.#newId();
      const notices = await this.#queue.formDigest({ channel, id, nowMs, onlyDowns: isKeyed, keepMembers: isKeyed });
      if (notices > 0) this.#noteTold(channel, { notices, isDigest: true });
      formed += notices;
    }
    return formed > 0;
  }

  async #untilNext(plans: Map<string, LanePlan>, nowMs: number): Promise<number> {
    const nextMs = await this.#queue.nextClaimMs(
      (channel, kind) => this.#room(channel) > 0 && freshLimit(plans.get(channel), kind) !== 0,
    );
    const monotonicMs = this.#clock.monotonicMs();
    // What was due has been claimed. If something is due all the same, do not spin over it.
    const isOverdue = nextMs !== null && nextMs <= nowMs;
    this.#overdueSinceMs = isOverdue ? (this.#overdueSinceMs ?? monotonicMs) : null;
    const waits = [idleMaxMs];
    if (nextMs !== null) waits.push(isOverdue ? backOffMs : nextMs - this.#clock.wallMs());
    for (const { untilMs } of plans.values()) if (untilMs !== null) waits.push(untilMs - monotonicMs);
    for (const [channel, traffic] of this.#traffic) {
      const untilMs = traffic.pausedUntilMs(monotonicMs);
      if (untilMs !== null) waits.push(untilMs - monotonicMs);
      else if (traffic.underWay === 0 && !this.#lanes.get(channel)) this.#traffic.delete(channel);
    }
    return Math.max(0, Math.min(...waits));
  }

  /** How many attempts a channel may begin now. One without a lane takes all: they end at once. */
  #room(channel: string): number {
    const lane = this.#lanes.get(channel);
    const most = this.#isFull() ? shareMin : this.#limits.held;
    if (!lane) return most;
    return this.#trafficOf(channel).room(Math.min(lane.concurrency, most), this.#clock.monotonicMs());
  }

  #trafficOf(channel: string): ChannelTraffic {
    let traffic = this.#traffic.get(channel);
    if (!traffic) {
      traffic = new ChannelTraffic();
      this.#traffic.set(channel, traffic);
    }
    return traffic;
  }

  #now(): Instant {
    return { wallMs: this.#clock.wallMs(), monotonicMs: this.#clock.monotonicMs() };
  }

  /** Gives up what is too old in channels that have failed all the time: few attempts are made there, for few deliveries. */
  async #giveUpStale(nowMs: number): Promise<void> {
    const monotonicMs = this.#clock.monotonicMs();
    const isStale = (channel: string): boolean =>
      (this.#traffic.get(channel)?.failingForMs(monotonicMs) ?? 0) >= giveUpAgeMs;
    if (![...this.#traffic.keys()].some(isStale)) return;
    const channelLimit: ChannelLimit = (channel) => (isStale(channel) && !this.#isFull() ? this.#limits.held : 0);
    // Whatever was due at that time and still waits; an attempt since then would have moved its time.
    for (const delivery of await this.#claim(nowMs - giveUpAgeMs, channelLimit)) {
      const { reason, detail } = this.#trafficOf(delivery.channel).lastFailure!;
      this.#hold(delivery);
      this.#giveUp(delivery, { reason, detail: `not attempted: the channel has failed for 72 h (${detail})` });
    }
  }

  #takeSingle(delivery: ClaimedDelivery, isLone: boolean): void {
    const { channel, notices } = delivery;
    const lane = this.#lanes.get(channel);
    if (lane && isGrouped(lane, notices[0])) this.#noteTold(channel, { notices: 1, isDigest: isLone });
    this.#take(delivery);
  }

  #noteTold(channel: string, message: { notices: number; isDigest: boolean }): void {
    // Grouping looks back one window from the oldest that waits, and that waits for one at most.
    const memoryMs = 2 * (this.#lanes.get(channel)?.digest.windowMs ?? 0);
    this.#trafficOf(channel).noteTold({ ...message, atMs: this.#clock.monotonicMs(), memoryMs });
  }

  #take(delivery: ClaimedDelivery): void {
    const { seq, channel, toldInDigest, endedDigests } = delivery;
    const lane = this.#lanes.get(channel);
    const held = this.#hold(delivery);
    if (lane?.isKeyed && toldInDigest && endedDigests.length === 0 && !opens(delivery)) {
      // The digest that told of it stays open for others: there is nothing to say to the receiver.
      this.#finish(delivery, { seq, kind: 'sent', atMs: this.#clock.wallMs(), attempt: null });
    } else if (!lane) {
      this.#giveUp(delivery, { reason: 'no_channel', detail: `there is no channel "${channel}" any more` });
    } else {
      void this.#attempt(held, lane);
    }
  }

  #hold(delivery: ClaimedDelivery): Held {
    const held = { delivery, abort: new AbortController() };
    this.#held.set(delivery.seq, held);
    return held;
  }

  async #attempt({ delivery, abort }: Held, lane: Lane): Promise<void> {
    const context = this.#contextOf(delivery.channel);
    // To write a digest of thousands takes some 20 ms: each in a turn of its own.
    if (delivery.notices.length > 1) await new Promise<void>((resolve) => this.#clock.afterIo(resolve));
    this.#finish(delivery, await attemptDelivery(delivery, { lane, abort, context }));
  }

  /** Ends a delivery that nothing was attempted for. */
  #giveUp(delivery: ClaimedDelivery, why: { reason: FailureReason; detail: string }): void {
    const context = this.#contextOf(delivery.channel);
    const verdict = { kind: 'permanent', ...why } as const;
    this.#finish(delivery, settleAs(delivery, verdict, { startedMs: this.#clock.wallMs(), latencyMs: 0, context }));
  }

  #contextOf(channel: string): AttemptContext {
    return { traffic: this.#trafficOf(channel), clock: this.#clock, random: this.#random, log: this.#log };
  }

  #finish(delivery: ClaimedDelivery, settlement: Settlement): void {
    this.#log.settled(delivery, settlement);
    this.#outcomes.add(settlement);
    this.#wakeUp.wake();
  }
}

/** Whether a receiver that keeps what is open learns of something new by it. */
function opens({ notices: [{ type, repeat }] }: ClaimedDelivery): boolean {
  return type === 'flapping' || (type === 'down' && repeat === 0);
}
