import type { ClaimOptions, FreshDeliveries, WaitingKind } from '../../outbox/delivery-queue.ts';
import { PendingChannel, waitingKinds } from './pending-channel.ts';
import type { PendingDelivery } from './pending-delivery.ts';

/** A delivery that was just leased, and what it was before. */
export type Leased = { item: PendingDelivery; kind: WaitingKind };

/**
 * The order in which deliveries are to be sent, in memory (some 400 bytes each): a queue per monitor and channel, and heaps of
 * the queues' heads. The single writer needs no index on disk for it.
 */
export class PendingDeliveries {
  readonly #bySeq = new Map<number, PendingDelivery>();
  readonly #byId = new Map<string, PendingDelivery>();
  readonly #channels = new Map<string, PendingChannel>();
  #failures = 0;

  get channels(): ReadonlyMap<string, PendingChannel> {
    return this.#channels;
  }

  channel(name: string): PendingChannel {
    let channel = this.#channels.get(name);
    if (!channel) {
      channel = new PendingChannel();
      this.#channels.set(name, channel);
    }
    return channel;
  }

  /** What may be under way as `seq`: only the head of a queue is ever handed out. */
  head(seq: number): PendingDelivery | undefined {
    const item = this.#bySeq.get(seq);
    return item && this.channel(item.channel).isHead(item) ? item : undefined;
  }

  /** Undefined also of what goes with a digest. */
  byId(id: string): PendingDelivery | undefined {
    const item = this.#byId.get(id);
    return item?.digest ? undefined : item;
  }

  /** Appends one, newer than all others. `failed`: an attempt has failed already. */
  add(item: PendingDelivery, { failed }: { failed: boolean }): void {
    this.#bySeq.set(item.seq, item);
    this.#byId.set(item.id, item);
    this.channel(item.channel).add(item);
    if (failed) this.#noteFailure(item);
  }

  remove(item: PendingDelivery): void {
    if (item.gone) return;
    this.#bySeq.delete(item.seq);
    this.#byId.delete(item.id);
    this.channel(item.channel).remove(item);
  }

  /** An attempt of a head failed: again from `claimMs` on. */
  retry(head: PendingDelivery, claimMs: number): void {
    head.leased = false;
    this.#noteFailure(head);
    this.channel(head.channel).move(head, { kind: 'tried', claimMs });
  }

  /** Leases heads that are due at `nowMs`, in order. */
  lease({ nowMs, leaseMs, limit, channelLimit = () => limit }: ClaimOptions): Leased[] {
    const due: Leased[] = [];
    for (const [name, { heaps }] of this.#channels) {
      for (const kind of waitingKinds) {
        const heap = heaps[kind];
        if (heap.size === 0) continue;
        const end = due.length + Math.min(limit, channelLimit(name, kind));
        for (let head = heap.first; head && head.claimMs <= nowMs && due.length < end; head = heap.first) {
          heap.remove(head);
          due.push({ item: head, kind });
        }
      }
    }
    due.sort((a, b) => a.item.claimMs - b.item.claimMs || a.item.seq - b.item.seq);
    for (const [index, { item, kind }] of due.entries()) {
      if (index < limit) {
        item.leased = true;
        item.kind = 'tried';
        item.claimMs = nowMs + leaseMs;
      }
      this.channel(item.channel).heaps[index < limit ? 'tried' : kind].add(item);
    }
    return due.slice(0, limit);
  }

  /** Gives up the lease of a head: due at once. */
  release(item: PendingDelivery, kind: WaitingKind = item.kind): void {
    item.leased = false;
    this.channel(item.channel).move(item, { kind, claimMs: item.createdMs });
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
    for (const channel of this.#channels.values()) channel.shift(deltaMs);
  }

  nextClaimMs(isOpen: (channel: string, kind: WaitingKind) => boolean): number | null {
    let nextMs: number | null = null;
    for (const [channel, { heaps }] of this.#channels) {
      for (const kind of waitingKinds) {
        const { first } = heaps[kind];
        if (first && (nextMs === null || first.claimMs < nextMs) && isOpen(channel, kind)) nextMs = first.claimMs;
      }
    }
    return nextMs;
  }

  /** See `DeliveryQueue`. What was made in the future, as after a clock was set back, counts with what is due now. */
  waiting(nowMs: number): FreshDeliveries[] {
    const found: FreshDeliveries[] = [];
    for (const [channel, { heaps, newestMs }] of this.#channels) {
      const { down, other } = heaps;
      const oldestMs = Math.min(...[down.first, other.first].flatMap((item) => item?.claimMs ?? []));
      if (oldestMs > nowMs) continue;
      found.push({ channel, fresh: down.size + other.size, downs: down.size, oldestMs, newestMs });
    }
    return found;
  }

  /** The one whose attempt failed last. */
  lastFailed(): PendingDelivery | undefined {
    let last: PendingDelivery | undefined;
    for (const channel of this.#channels.values()) {
      const item = channel.lastFailed();
      if (item && item.failedAt > (last?.failedAt ?? 0)) last = item;
    }
    return last;
  }

  /** Deliveries of a channel (null: of all) with a seq < `beforeSeq`, the newest first, up to `limit`. */
  newest({
    channel,
    beforeSeq,
    limit,
  }: {
    channel: string | null;
    beforeSeq: number;
    limit: number;
  }): PendingDelivery[] {
    const channels = channel === null ? [...this.#channels.values()] : [this.#channels.get(channel)];
    const found = channels.flatMap((each) => each?.newest(beforeSeq, limit) ?? []);
    return found.sort((a, b) => b.seq - a.seq).slice(0, limit);
  }

  #noteFailure(item: PendingDelivery): void {
    this.channel(item.channel).noteFailure(item, ++this.#failures);
  }
}
