import type { AttemptOutcome, Settlement } from '../../server/outbox/delivery-queue.ts';

const made: AttemptOutcome = {
  atMs: 1,
  latencyMs: 2.25,
  outcome: 'ok',
  reason: '',
  detail: 'HTTP 200',
  httpStatus: 200,
  answer: 'fine',
};
const failed: AttemptOutcome = { ...made, reason: 'http_status', outcome: 'retryable', detail: 'no', httpStatus: 500 };

/** It was attempted, and the receiver has it. */
export function sent(seq: number, atMs = 0): Settlement {
  return { seq, kind: 'sent', atMs, attempt: { ...made, atMs } };
}

/** It was attempted, and is to be attempted again. */
export function retry(seq: number, nextAttemptMs: number, error = 'x'): Settlement {
  return { seq, kind: 'retry', nextAttemptMs, error, attempt: { ...failed, detail: error } };
}

/** It was attempted, and is given up. */
export function buried(seq: number, atMs: number, error = 'x'): Settlement {
  return { seq, kind: 'buried', atMs, error, attempt: { ...failed, outcome: 'permanent', detail: error } };
}
