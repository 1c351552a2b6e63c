import type { PendingDelivery } from './pending-delivery.ts';

/** A binary heap of heads of one channel's queues, by the time from which they can be claimed, then by age. */
export class DeliveryHeap {
  readonly #items: PendingDelivery[] = [];

  get size(): number {
    return this.#items.length;
  }

  get first(): PendingDelivery | undefined {
    return this.#items[0];
  }

  add(item: PendingDelivery): void {
    item.heapIndex = this.#items.length;
    this.#items.push(item);
    this.#up(item);
  }

  remove(item: PendingDelivery): void {
    const end = this.#items.pop()!;
    if (end === item) return;
    this.#place(end, item.heapIndex);
    this.moved(end);
  }

  /** The item's time has changed. */
  moved(item: PendingDelivery): void {
    this.#up(item);
    this.#down(item);
  }

  #up(item: PendingDelivery): void {
    while (item.heapIndex > 0) {
      const parent = this.#items[(item.heapIndex - 1) >> 1]!;
      if (isBefore(parent, item)) return;
      this.#swap(parent, item);
    }
  }

  #down(item: PendingDelivery): void {
    for (;;) {
      const left = this.#items[2 * item.heapIndex + 1];
      if (!left) return;
      const right = this.#items[2 * item.heapIndex + 2];
      const child = right && isBefore(right, left) ? right : left;
      if (isBefore(item, child)) return;
      this.#swap(item, child);
    }
  }

  #swap(parent: PendingDelivery, child: PendingDelivery): void {
    const index = child.heapIndex;
    this.#place(child, parent.heapIndex);
    this.#place(parent, index);
  }

  #place(item: PendingDelivery, index: number): void {
    this.#items[index] = item;
    item.heapIndex = index;
  }
}

function isBefore(a: PendingDelivery, b: PendingDelivery): boolean {
  return a.claimMs < b.claimMs || (a.claimMs === b.claimMs && a.seq < b.seq);
}
