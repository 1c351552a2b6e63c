import { decideRetry } from '../engine/domain/retry-policy.ts';
import type { Verdict } from '../notify/notifier.ts';
import type { ClaimedDelivery, Settlement } from './delivery-queue.ts';

/** What an attempt's verdict means for its delivery. `nowMs` is when it ended, `random` uniform in [0, 1). */
export function settlementOf(
  verdict: Verdict,
  { delivery, nowMs, random }: { delivery: ClaimedDelivery; nowMs: number; random: number },
): Settlement {
  const { seq, createdMs, attempts } = delivery;
  if (verdict.kind === 'ok') return { seq, kind: 'sent' };
  const { kind, reason, detail, retryAfterMs } = verdict;
  const error = `${reason}: ${detail}`;
  if (kind === 'permanent') return { seq, kind: 'buried', atMs: nowMs, error };
  // We cut it off ourselves, at a shutdown: that is no reason to wait.
  if (reason === 'aborted') return { seq, kind: 'retry', nextAttemptMs: nowMs, error };
  const decision = decideRetry({ createdMs, nowMs, failures: attempts + 1, retryAfterMs, random });
  if (decision.kind === 'bury') return { seq, kind: 'buried', atMs: nowMs, error };
  return { seq, kind: 'retry', nextAttemptMs: decision.atMs, error };
}
