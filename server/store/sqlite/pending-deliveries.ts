import type { ClaimOptions, WaitingKind } from '../../outbox/delivery-queue.ts';
import { DeliveryHeap } from './delivery-heap.ts';
import type { PendingDelivery } from './pending-delivery.ts';

type ChannelQueues = {
  /** The head of each monitor's queue. */
  heads: Map<number, PendingDelivery>;
  heap: DeliveryHeap;
};

/**
 * The order in which deliveries are to be sent, in memory (some 200 bytes each): a queue per monitor and channel, and per
 * channel a heap of the queues' heads. The single writer needs no index on disk for it.
 */
export class PendingDeliveries {
  readonly #bySeq = new Map<number, PendingDelivery>();
  readonly #channels = new Map<string, ChannelQueues>();
  #failures = 0;
  #failing = 0;
  #lastFailed: PendingDelivery | null = null;

  get size(): number {
    return this.#bySeq.size;
  }

  /** Those whose last attempt failed. */
  get failing(): number {
    return this.#failing;
  }

  /** What may be under way as `seq`: only the head of a queue is ever handed out. */
  head(seq: number): PendingDelivery | undefined {
    const item = this.#bySeq.get(seq);
    return item && this.#channel(item.channel).heads.get(item.monitorId) === item ? item : undefined;
  }

  /** The one that was made first. */
  oldest(): PendingDelivery | undefined {
    return this.#bySeq.values().next().value;
  }

  /** The one whose attempt failed last. */
  lastFailed(): PendingDelivery | null {
    if (this.#lastFailed && this.#bySeq.has(this.#lastFailed.seq)) return this.#lastFailed;
    this.#lastFailed = null;
    if (this.#failing === 0) return null;
    for (const item of this.#bySeq.values()) {
      if (item.failedAt > (this.#lastFailed?.failedAt ?? 0)) this.#lastFailed = item;
    }
    return this.#lastFailed;
  }

  has(monitorId: number, channel: string): boolean {
    return this.#channels.get(channel)?.heads.has(monitorId) ?? false;
  }

  /** Appends one, newer than all others. `failed`: an attempt has failed already. */
  add(
    made: Pick<PendingDelivery, 'seq' | 'monitorId' | 'channel' | 'createdMs' | 'claimMs'>,
    { failed }: { failed: boolean },
  ): void {
    const item: PendingDelivery = {
      ...made,
      leased: false,
      failedAt: 0,
      next: null,
      last: null as never,
      heapIndex: 0,
    };
    item.last = item;
    this.#bySeq.set(item.seq, item);
    if (failed) this.#noteFailure(item);
    const { heads, heap } = this.#channel(item.channel);
    const head = heads.get(item.monitorId);
    if (head) {
      head.last.next = item;
      head.last = item;
    } else {
      heads.set(item.monitorId, item);
      heap.add(item);
    }
  }

  /** Takes the head out of its queue: the next has its turn. */
  removeHead(item: PendingDelivery): void {
    const { heads, heap } = this.#channel(item.channel);
    const { next } = item;
    this.#forget(item);
    heap.remove(item);
    if (next) {
      next.last = item.last;
      heads.set(next.monitorId, next);
      heap.add(next);
    } else {
      heads.delete(item.monitorId);
    }
  }

  removeMonitor(monitorId: number): void {
    for (const { heads, heap } of this.#channels.values()) {
      const head = heads.get(monitorId);
      if (!head) continue;
      heap.remove(head);
      heads.delete(monitorId);
      for (let item: PendingDelivery | null = head; item; item = item.next) this.#forget(item);
    }
  }

  /** All of a monitor, over all channels. */
  ofMonitor(monitorId: number): PendingDelivery[] {
    const items: PendingDelivery[] = [];
    for (const { heads } of this.#channels.values()) {
      for (let item = heads.get(monitorId) ?? null; item; item = item.next) items.push(item);
    }
    return items;
  }

  /** An attempt of a head failed: again from `claimMs` on. */
  retry(item: PendingDelivery, claimMs: number): void {
    item.leased = false;
    this.#noteFailure(item);
    this.#move(item, claimMs);
  }

  /** Leases heads that are due at `nowMs`, in order. */
  lease({ nowMs, leaseMs, limit, channelLimit = () => limit }: ClaimOptions): PendingDelivery[] {
    const due: PendingDelivery[] = [];
    for (const [channel, { heap }] of this.#channels) {
      const end = due.length + Math.min(limit, channelLimit(channel, 'tried'));
      for (let head = heap.first; head && head.claimMs <= nowMs && due.length < end; head = heap.first) {
        heap.remove(head);
        due.push(head);
      }
    }
    due.sort((a, b) => a.claimMs - b.claimMs || a.seq - b.seq);
    for (const [index, item] of due.entries()) {
      item.leased = index < limit;
      if (item.leased) item.claimMs = nowMs + leaseMs;
      this.#channel(item.channel).heap.add(item);
    }
    return due.slice(0, limit);
  }

  /** Gives up the lease of a head: due at once. */
  release(item: PendingDelivery): void {
    item.leased = false;
    this.#move(item, item.createdMs);
  }

  releaseAll(): void {
    for (const item of this.#bySeq.values()) if (item.leased) this.release(item);
  }

  /** Moves every time by `deltaMs`: the order stays what it is. */
  shift(deltaMs: number): void {
    for (const item of this.#bySeq.values()) {
      item.createdMs += deltaMs;
      item.claimMs += deltaMs;
    }
  }

  nextClaimMs(isOpen: (channel: string, kind: WaitingKind) => boolean): number | null {
    let nextMs: number | null = null;
    for (const [channel, { heap }] of this.#channels) {
      const { first } = heap;
      if (first && (nextMs === null || first.claimMs < nextMs) && isOpen(channel, 'tried')) nextMs = first.claimMs;
    }
    return nextMs;
  }

  #channel(channel: string): ChannelQueues {
    let queues = this.#channels.get(channel);
    if (!queues) {
      queues = { heads: new Map(), heap: new DeliveryHeap() };
      this.#channels.set(channel, queues);
    }
    return queues;
  }

  #move(head: PendingDelivery, claimMs: number): void {
    head.claimMs = claimMs;
    this.#channel(head.channel).heap.moved(head);
  }

  #noteFailure(item: PendingDelivery): void {
    if (item.failedAt === 0) this.#failing += 1;
    item.failedAt = ++this.#failures;
    this.#lastFailed = item;
  }

  #forget(item: PendingDelivery): void {
    this.#bySeq.delete(item.seq);
    if (item.failedAt > 0) this.#failing -= 1;
  }
}
