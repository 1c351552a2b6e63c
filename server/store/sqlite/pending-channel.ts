import type { ChannelStats, WaitingKind } from '../../outbox/delivery-queue.ts';
import { DeliveryHeap } from './delivery-heap.ts';
import type { PendingDelivery } from './pending-delivery.ts';

type Queue = { head: PendingDelivery; tail: PendingDelivery };

export const waitingKinds: readonly WaitingKind[] = ['down', 'other', 'tried'];

/** What is pending of one channel: a queue per monitor, and per kind a heap of the queues' heads. */
export class PendingChannel {
  readonly heaps: Readonly<Record<WaitingKind, DeliveryHeap>> = {
    down: new DeliveryHeap(),
    other: new DeliveryHeap(),
    tried: new DeliveryHeap(),
  };
  /** By monitor; a digest has one of its own, by its seq below zero. */
  readonly #queues = new Map<number, Queue>();
  /** By seq, from `#first` on, some of them gone. */
  #order: PendingDelivery[] = [];
  #first = 0;
  /** In the order in which they failed; some of them gone, some twice. */
  #failures: PendingDelivery[] = [];
  /** All that is in the queues. */
  #size = 0;
  #newestMs = 0;
  #bound = 0;
  #digests = 0;
  #failing = 0;

  /** Notices that wait, those that go with digests included. */
  get notices(): number {
    return this.#size - this.#digests;
  }

  /** Deliveries that wait; a digest is one. */
  get pending(): number {
    return this.#size - this.#bound;
  }

  /** When the one that was added last was made, Unix ms. */
  get newestMs(): number {
    return this.#newestMs;
  }

  shift(deltaMs: number): void {
    this.#newestMs += deltaMs;
  }

  get failing(): number {
    return this.#failing;
  }

  head(monitorId: number): PendingDelivery | undefined {
    return this.#queues.get(monitorId)?.head;
  }

  isHead(item: PendingDelivery): boolean {
    return this.#queues.get(keyOf(item))?.head === item && item.digest === null;
  }

  /** What waits for its next attempt waits no more. */
  hasten(nowMs: number): void {
    for (const { head } of this.#queues.values()) {
      if (head.kind === 'tried' && !head.leased && !head.digest && head.claimMs > nowMs) {
        this.move(head, { kind: 'tried', claimMs: nowMs });
      }
    }
  }

  /** Appends one to its queue; its seq is the highest so far. */
  add(item: PendingDelivery): void {
    const queue = this.#queues.get(keyOf(item));
    if (queue) {
      item.previous = queue.tail;
      queue.tail.next = item;
      queue.tail = item;
    } else {
      this.#queues.set(keyOf(item), { head: item, tail: item });
      if (!item.digest) this.heaps[item.kind].add(item);
    }
    this.#newestMs = item.createdMs;
    this.#order.push(item);
    this.#size += 1;
    if (item.digest) this.#bound += 1;
    if (item.members) this.#digests += 1;
  }

  /** Takes one out of its queue, wherever it is. If it was the head, the next has its turn. */
  remove(item: PendingDelivery): void {
    const key = keyOf(item);
    const queue = this.#queues.get(key)!;
    const { previous, next } = item;
    if (next) next.previous = previous;
    else if (previous) queue.tail = previous;
    if (previous) {
      previous.next = next;
    } else {
      if (!item.digest) this.heaps[item.kind].remove(item);
      if (next) {
        queue.head = next;
        if (!next.digest) this.heaps[next.kind].add(next);
      } else {
        this.#queues.delete(key);
      }
    }
    item.gone = true;
    this.#size -= 1;
    if (item.digest) this.#bound -= 1;
    if (item.members) this.#digests -= 1;
    if (item.failedAt > 0) this.#failing -= 1;
    this.#tidy();
  }

  /** It goes with a digest from now on. It is a head, or behind others that do. */
  bind(item: PendingDelivery, digest: PendingDelivery): void {
    if (!item.previous) this.heaps[item.kind].remove(item);
    item.digest = digest;
    this.#bound += 1;
  }

  /** It does not after all. */
  unbind(item: PendingDelivery): void {
    item.digest = null;
    this.#bound -= 1;
    if (!item.previous) this.heaps[item.kind].add(item);
  }

  /** A head is of another kind now, or claimable from another time on. */
  move(head: PendingDelivery, { kind, claimMs }: Pick<PendingDelivery, 'kind' | 'claimMs'>): void {
    const isElsewhere = head.kind !== kind;
    if (isElsewhere) this.heaps[head.kind].remove(head);
    head.kind = kind;
    head.claimMs = claimMs;
    if (isElsewhere) this.heaps[kind].add(head);
    else this.heaps[kind].moved(head);
  }

  /** An attempt failed; `failedAt` is higher than any before. */
  noteFailure(item: PendingDelivery, failedAt: number): void {
    if (item.failedAt === 0) this.#failing += 1;
    item.failedAt = failedAt;
    this.#failures.push(item);
    if (this.#failures.length > 2 * this.#failing + 64) {
      // Of one that is there twice, the later counts.
      this.#failures = [...new Set(this.#failures.reverse())].filter(({ gone }) => !gone).reverse();
    }
  }

  /** The one that failed last. */
  lastFailed(): PendingDelivery | undefined {
    while (this.#failures.at(-1)?.gone) this.#failures.pop();
    return this.#failures.at(-1);
  }

  stats(errorOf: (item: PendingDelivery) => string): ChannelStats {
    while (this.#order[this.#first]?.gone) this.#first += 1;
    const lastFailed = this.lastFailed();
    return {
      pending: this.pending,
      oldestCreatedMs: this.#order[this.#first]?.createdMs ?? null,
      failing: this.#failing,
      lastError: lastFailed ? errorOf(lastFailed) : '',
    };
  }

  /** Deliveries with a seq < `beforeSeq`, the newest first, up to `limit`. */
  newest(beforeSeq: number, limit: number): PendingDelivery[] {
    let [from, to] = [this.#first, this.#order.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (this.#order[middle]!.seq < beforeSeq) from = middle + 1;
      else to = middle;
    }
    const found: PendingDelivery[] = [];
    for (let at = from - 1; at >= this.#first && found.length < limit; at--) {
      const item = this.#order[at]!;
      if (!item.gone && !item.digest) found.push(item);
    }
    return found;
  }

  #tidy(): void {
    if (this.#order.length <= 2 * this.#size + 64) return;
    this.#order = this.#order.filter(({ gone }) => !gone);
    this.#first = 0;
  }
}

function keyOf({ monitorId, members, seq }: PendingDelivery): number {
  return members ? -seq : monitorId;
}
