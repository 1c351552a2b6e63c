import type { Notice } from '../engine/domain/notice.ts';
import type { AttemptRecord } from './delivery-log.ts';

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
  /** 0 of a digest. */
  monitorId: number;
  channel: string;
  /** One; or those of a digest, two at least, in the order in which they were made. */
  notices: [Notice, ...Notice[]];
  createdMs: number;
  /** Attempts that have failed so far. */
  attempts: number;
  /**
   * A digest that `keepMembers` was formed with told the incident of this (one) notice, and nothing that was sent by itself did
   * since the start. Of a digest that was given up nobody was told.
   */
  toldInDigest: boolean;
  /** Of an up or closed that is `toldInDigest`: ids of such digests of which every other incident is over, too. */
  endedDigests: readonly string[];
};

/** An attempt that was made; the queue numbers them. */
export type AttemptOutcome = Omit<AttemptRecord, 'number'>;

/** What became of a delivery that was claimed. */
export type Settlement = {
  seq: number;
  /** Null when nothing was attempted: it was skipped, put off or given up without. */
  attempt: AttemptOutcome | null;
} & (
  | { kind: 'sent'; atMs: number }
  | { kind: 'retry'; nextAttemptMs: number; error: string }
  | { kind: 'buried'; atMs: number; error: string }
);

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
   * How many of one channel and kind; 0 passes them over. Asked once for each channel and kind that has something
   * waiting. Absent: any.
   */
  channelLimit?: (channel: string, kind: WaitingKind) => number;
  leaseMs: number;
};

/** What is fresh in a channel, could be claimed now, and so could go as a digest. One at most of each monitor counts. */
export type FreshDeliveries = {
  channel: string;
  /** How many. */
  fresh: number;
  /** Of these, those of type down or flapping. */
  downs: number;
  /** When the oldest was made, Unix ms. */
  oldestMs: number;
  /** When the newest of the channel was. */
  newestMs: number;
};

export type DigestOptions = {
  channel: string;
  /** Of the digest. */
  id: string;
  nowMs: number;
  /** Only those of type down or flapping. */
  onlyDowns: boolean;
  /** Remember which incidents it tells of, for `toldInDigest` and `endedDigests`. */
  keepMembers: boolean;
};

/** How the deliveries of one channel, or of all, stand. A digest counts as one. */
export type ChannelStats = {
  /** Deliveries that wait or are under way. */
  pending: number;
  /** When the oldest pending one was made, Unix ms; null when there is none. */
  oldestCreatedMs: number | null;
  /** Pending deliveries whose last attempt failed. */
  failing: number;
  /** The error of the failing delivery tried last; '' when there is none. */
  lastError: string;
};

export type DeliveryStats = ChannelStats & {
  /** Deliveries given up. */
  buried: number;
  /** Of each channel that has something pending. */
  channels: ReadonlyMap<string, ChannelStats>;
};

/** One of the settlements cannot be stored as it is, though the queue can write. None is stored. */
export class UnstorableError extends Error {
  override readonly name = 'UnstorableError';
}

/**
 * The queue of deliveries, kept by a store. Deliveries of one (monitor, channel) are handed out in the order they were
 * made, one at a time: an up never overtakes its down. What comes later of a monitor waits until the digest that told of it is
 * settled.
 *
 * What is added while the down of its incident is still fresh stands for both: an up becomes one merged notice, and of an
 * incident that was closed nobody hears. A flapping is a down in this. Reminders that wait go as well.
 */
export interface DeliveryQueue {
  /** Leases deliveries that are due at `nowMs` until `nowMs + leaseMs`, oldest first. Leases need not survive a restart. */
  claim(options: ClaimOptions): Promise<ClaimedDelivery[]>;
  /**
   * Records the outcome of attempts, all in one transaction. An unknown seq is ignored.
   *
   * @throws UnstorableError
   */
  settle(settlements: Settlement[]): Promise<void>;
  /** Gives up every lease, as after a restart: their holder is gone. */
  releaseLeases(): Promise<void>;
  /** Moves every waiting time by `deltaMs`: the wall clock was set back, and what was due soon must stay due soon. */
  shiftClaims(deltaMs: number): Promise<void>;
  /** What waits of a channel for its next attempt may be claimed at `nowMs`; not stored. */
  hasten(channel: string, nowMs: number): Promise<void>;
  /** When the next delivery of a channel and kind that `isOpen` may be claimed, Unix ms (may lie in the past); null for never. */
  nextClaimMs(isOpen?: (channel: string, kind: WaitingKind) => boolean): Promise<number | null>;
  /** Whether something of a monitor waits for a channel, or is under way; a digest that tells of it counts. From memory. */
  isPending(monitorId: number, channel: string): boolean;
  /** Of each channel that has any. */
  waiting(nowMs: number): Promise<FreshDeliveries[]>;
  /**
   * Binds all that is fresh in a channel, and what is behind it, to one new delivery that can be claimed at once; returns
   * how many notices it has. Fewer than two are left as they are: 0. One at a time for each channel.
   */
  formDigest(options: DigestOptions): Promise<number>;
  stats(): Promise<DeliveryStats>;
}
