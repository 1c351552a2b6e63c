/** What memory holds of a delivery that waits or is under way; the rest is read when it is claimed. */
export type PendingDelivery = {
  readonly seq: number;
  readonly monitorId: number;
  readonly channel: string;
  createdMs: number;
  /** Claimable from then on, Unix ms, once it is the head of its queue. */
  claimMs: number;
  leased: boolean;
  /** Orders failed attempts: the larger, the later. 0: none failed yet. */
  failedAt: number;
  /** Behind it in the queue of its monitor and channel. */
  next: PendingDelivery | null;
  /** Of a head: the end of its queue. */
  last: PendingDelivery;
  /** Of a head: its place in the heap. */
  heapIndex: number;
};
