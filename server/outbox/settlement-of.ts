import { decideRetry } from '../engine/domain/retry-policy.ts';
import type { Verdict } from '../notify/notifier.ts';
import type { AttemptOutcome, ClaimedDelivery, Settlement } from './delivery-queue.ts';

/** What an attempt's verdict means for its delivery. It lasted from `beganMs` to `nowMs`; `random` is uniform in [0, 1). */
export function settlementOf(
  verdict: Verdict,
  { delivery, beganMs, nowMs, random }: { delivery: ClaimedDelivery; beganMs: number; nowMs: number; random: number },
): Settlement {
  const { seq, createdMs, attempts } = delivery;
  const attempt: AttemptOutcome = {
    atMs: beganMs,
    latencyMs: Math.max(0, nowMs - beganMs),
    outcome: verdict.kind,
    reason: verdict.kind === 'ok' ? '' : verdict.reason,
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
  const decision = decideRetry({ createdMs, nowMs, failures: attempts + 1, retryAfterMs, random });
  if (decision.kind === 'bury') return { seq, kind: 'buried', atMs: nowMs, error, attempt };
  return { seq, kind: 'retry', nextAttemptMs: decision.atMs, error, attempt };
}
