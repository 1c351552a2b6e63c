import type { Notice } from '../../server/engine/domain/notice.ts';
import type { AttemptRecord, DeliveryRecord } from '../../server/outbox/delivery-log.ts';
import type { ChannelStats, WaitingKind } from '../../server/outbox/delivery-queue.ts';

/** A delivery of the queue in memory. */
export type Row = {
  seq: number;
  id: string;
  monitorId: number;
  channel: string;
  notices: [Notice, ...Notice[]];
  createdMs: number;
  attempts: number;
  /** Not claimable before; of a leased one, the end of its lease. */
  claimMs: number;
  /** When it is, or was, due. */
  dueMs: number;
  /** It was handed out once: it may have been attempted. */
  claimed: boolean;
  leased: boolean;
  error: string;
  /** Order of the last failure; 0: none. */
  failedAt: number;
  state: DeliveryRecord['state'];
  settledMs: number | null;
  records: AttemptRecord[];
  /** Of a digest. */
  members: Row[];
  /** The digest that it goes with. */
  boundTo: Row | null;
};

export function isDown({ type }: Notice): boolean {
  return type === 'down' || type === 'flapping';
}

export function kindOf({ claimed, notices, boundTo }: Row): WaitingKind {
  if (claimed || boundTo || notices.length > 1) return 'tried';
  return isDown(notices[0]) ? 'down' : 'other';
}

/** Why something was not taken. */
export function tooManyText(pendingMax: number): string {
  return `not taken: ${pendingMax} deliveries of this channel wait already`;
}

export function statsOf(pending: Row[]): ChannelStats {
  const failing = pending.filter(({ failedAt }) => failedAt > 0).sort((a, b) => b.failedAt - a.failedAt);
  return {
    pending: pending.length,
    oldestCreatedMs: pending.length === 0 ? null : Math.min(...pending.map(({ createdMs }) => createdMs)),
    failing: failing.length,
    lastError: failing[0]?.error ?? '',
  };
}

export function recordOf(row: Row): DeliveryRecord {
  const { seq, id, channel, state, createdMs, settledMs, notices, records } = row;
  return {
    seq,
    id,
    channel,
    state,
    createdMs,
    settledMs,
    nextAttemptMs: state === 'pending' ? row.dueMs : null,
    noticeCount: notices.length,
    notices: structuredClone(notices.slice(0, 100)),
    attemptCount: records.length,
    attempts: state === 'buried' && records.length === 0 ? [notMade(row)] : records.slice(-50),
  };
}

function notMade({ settledMs, error }: Row): AttemptRecord {
  const none = { number: 0, latencyMs: 0, httpStatus: 0, answer: '' };
  return { ...none, atMs: settledMs!, outcome: 'permanent', reason: 'internal', detail: error };
}
