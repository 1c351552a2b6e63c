import type { Notice } from '../engine/domain/notice.ts';
import type { FailureReason } from '../notify/notifier.ts';

/** An attempt as it is remembered. */
export type AttemptRecord = {
  /** 1 for the first. */
  number: number;
  atMs: number;
  latencyMs: number;
  outcome: 'ok' | 'retryable' | 'permanent';
  /** '' with `ok`. */
  reason: FailureReason | '';
  /** As in `Verdict`. */
  detail: string;
  /** 0: there was no HTTP answer. */
  httpStatus: number;
  answer: string;
};

/** A delivery as people see it. */
export type DeliveryRecord = {
  /** Grows with each. */
  seq: number;
  id: string;
  channel: string;
  state: 'pending' | 'sent' | 'buried';
  createdMs: number;
  /** When it was sent or given up; null while it is pending. */
  settledMs: number | null;
  /** Null unless it is pending. */
  nextAttemptMs: number | null;
  /** In all; more than one is a digest. */
  noticeCount: number;
  /** The first 100. */
  notices: Notice[];
  attemptCount: number;
  /** The last 50, oldest first. */
  attempts: AttemptRecord[];
};

/** What became of deliveries, kept by a store: all that are pending, and the newest of those sent and given up. */
export interface DeliveryLog {
  /** Newest first: those before `beforeSeq` (null: all). Notices that go as part of a digest are in the digest only. */
  list(options: {
    /** Null: of all. */
    channel: string | null;
    /** Empty: all. */
    states: readonly DeliveryRecord['state'][];
    beforeSeq: number | null;
    limit: number;
  }): Promise<DeliveryRecord[]>;
  get(id: string): Promise<DeliveryRecord | undefined>;
  /** Makes one that was given up pending again, due at `nowMs`; its age counts from there. Undefined: there is none. */
  redeliver(id: string, nowMs: number): Promise<'done' | 'not_buried' | undefined>;
}
