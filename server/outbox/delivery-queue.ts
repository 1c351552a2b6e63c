import type { Notice } from '../engine/domain/notice.ts';

/** A notice on its way to one channel. */
export type NewDelivery = {
  /** The idempotency key that the receiver sees (`webhook-id`); the same on every attempt. */
  id: string;
  channel: string;
  notice: Notice;
  /** Skip it when another delivery of the same monitor and channel is still waiting (repeats must not pile up). */
  onlyIfIdle: boolean;
};

export type ClaimedDelivery = {
  /** Position in the queue; grows. */
  seq: number;
  id: string;
  monitorId: number;
  channel: string;
  notice: Notice;
  createdMs: number;
  /** Attempts that have failed so far. */
  attempts: number;
};

/** What became of an attempt. */
export type Settlement =
  | { seq: number; kind: 'sent' }
  | { seq: number; kind: 'retry'; nextAttemptMs: number; error: string }
  | { seq: number; kind: 'buried'; atMs: number; error: string };

/**
 * What a delivery that waits is to its channel. `down` and `other` are fresh: never attempted, and no digest; `down` those of
 * type down or flapping. `tried`: all else, digests included. They are held back apart: fresh ones collect for a digest while
 * what was tried goes on, and with keyed receivers only downs collect.
 */
export type WaitingKind = 'down' | 'other' | 'tried';

export type ClaimOptions = {
  nowMs: number;
  /** How many in all. */
  limit: number;
  /**
   * How many of one channel and kind; 0 passes them over. Asked once for each channel and kind that has something waiting.
   * Absent: any.
   */
  channelLimit?: (channel: string, kind: WaitingKind) => number;
  leaseMs: number;
};

export type DeliveryStats = {
  /** Deliveries that wait or are under way. */
  pending: number;
  /** When the oldest pending one was made, Unix ms; null when there is none. */
  oldestCreatedMs: number | null;
  /** Pending deliveries whose last attempt failed. */
  failing: number;
  /** The error of the failing delivery tried last; '' when there is none. */
  lastError: string;
  /** Deliveries given up. */
  buried: number;
};

/**
 * The queue of deliveries, kept by a store. Deliveries of one (monitor, channel) are handed out in the order they were
 * made, one at a time: an up never overtakes its down.
 */
export interface DeliveryQueue {
  /** Leases deliveries that are due at `nowMs` until `nowMs + leaseMs`, oldest first. Leases need not survive a restart. */
  claim(options: ClaimOptions): Promise<ClaimedDelivery[]>;
  /** Records the outcome of attempts, all in one transaction. An unknown seq is ignored. */
  settle(settlements: Settlement[]): Promise<void>;
  /** Gives up every lease, as after a restart: their holder is gone. */
  releaseLeases(): Promise<void>;
  /** Moves every waiting time by `deltaMs`: the wall clock was set back, and what was due soon must stay due soon. */
  shiftClaims(deltaMs: number): Promise<void>;
  /** When the next delivery of a channel and kind that `isOpen` may be claimed, Unix ms (may lie in the past); null for never. */
  nextClaimMs(isOpen?: (channel: string, kind: WaitingKind) => boolean): Promise<number | null>;
  stats(): Promise<DeliveryStats>;
}
