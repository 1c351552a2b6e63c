import { decideRetry } from '../engine/domain/retry-policy.ts';
import type { Verdict } from '../notify/notifier.ts';
import type { ClaimedDelivery, Settlement } from './delivery-queue.ts';

type Ended = {
  delivery: ClaimedDelivery;
  /** When the attempt began, Unix ms. */
  startedMs: number;
  latencyMs: number;
  /** When it ended, Unix ms. */
  nowMs: number;
  /** For how long no attempt of the channel has succeeded. */
  channelFailingMs: number;
  /** When the circuit of the channel lets the next attempt through, Unix ms; null when it is closed. */
  channelRetryMs: number | null;
  /** Uniform in [0, 1). */
  random: number;
};

/** What an attempt's verdict means for its delivery. */
export function settlementOf(verdict: Verdict, ended: Ended): Settlement {
  const { delivery, startedMs, latencyMs, nowMs, channelFailingMs, channelRetryMs, random } = ended;
  const { seq, createdMs, attempts } = delivery;
  const attempt = {
    atMs: startedMs,
    latencyMs,
    outcome: verdict.kind,
    reason: verdict.kind === 'ok' ? ('' as const) : verdict.reason,
    detail: verdict.detail,
    httpStatus: verdict.httpStatus ?? 0,
    answer: verdict.answer ?? '',
  };
  if (verdict.kind === 'ok') return { seq, kind: 'sent', atMs: nowMs, attempt };
  const { kind, reason, detail, retryAfterMs } = verdict;
  const error = `${reason}: ${detail}`;
  if (kind === 'permanent') return { seq, kind: 'buried', atMs: nowMs, error, attempt };
  // We cut it off ourselves, at a shutdown: that is no reason to wait.
  if (reason === 'aborted') return { seq, kind: 'retry', nextAttemptMs: nowMs, error, attempt };
  const failures = attempts + 1;
  const decision = decideRetry({ createdMs, nowMs, failures, retryAfterMs, channelFailingMs, random });
  if (decision.kind === 'bury') return { seq, kind: 'buried', atMs: nowMs, error, attempt };
  // While the channel fails as a whole its circuit sets the pace: all that waits is due when it works again.
  const nextAttemptMs = Math.min(decision.atMs, channelRetryMs ?? decision.atMs);
  return { seq, kind: 'retry', nextAttemptMs, error, attempt };
}
