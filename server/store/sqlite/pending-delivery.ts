import type { WaitingKind } from '../../outbox/delivery-queue.ts';

/** What memory holds of a delivery that waits or is under way; the rest is read when it is claimed. */
export type PendingDelivery = {
  /** Of a digest that is being formed: 0. */
  seq: number;
  readonly id: string;
  /** 0 of a digest. */
  readonly monitorId: number;
  readonly channel: string;
  createdMs: number;
  /** Claimable from then on, Unix ms, once it is the head of its queue. */
  claimMs: number;
  kind: WaitingKind;
  leased: boolean;
  /** Orders failed attempts: the larger, the later. 0: none failed yet. */
  failedAt: number;
  /** Of a digest: what goes with it, and is in the queues. Null: it is none. */
  readonly members: PendingDelivery[] | null;
  /** The digest that it goes with. */
  digest: PendingDelivery | null;
  /** It is not pending any more. */
  gone: boolean;
  /** Neighbours in the queue of its monitor and channel. */
  next: PendingDelivery | null;
  previous: PendingDelivery | null;
  /** Of a head: its place in the heap. */
  heapIndex: number;
};

/** What one is made of. */
export type NewPending = Pick<
  PendingDelivery,
  'seq' | 'id' | 'monitorId' | 'channel' | 'createdMs' | 'claimMs' | 'kind'
>;

/** One that is in no queue yet. `members`: see above. */
export function pendingDelivery(made: NewPending, members: PendingDelivery[] | null = null): PendingDelivery {
  return {
    ...made,
    leased: false,
    failedAt: 0,
    members,
    digest: null,
    gone: false,
    next: null,
    previous: null,
    heapIndex: 0,
  };
}
