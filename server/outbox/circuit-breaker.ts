import type { Verdict } from '../notify/notifier.ts';

/** Deliveries that must fail in a row before the circuit opens. */
const failuresToOpen = 5;
/** Upper end of the first pause, ms; it doubles with every attempt that fails after one. */
const firstPauseMaxMs = 30_000;
/** Where the doubling ends: 5 min. */
const pauseMaxMs = 5 * 60_000;
/** Share of a pause that is left to chance. */
const chance = 0.2;
/** The longest wait that a receiver may ask for: 1 h. */
const holdMaxMs = 60 * 60_000;

/**
 * Whether a channel works, as far as its attempts tell. Times are of one clock that does not jump, ms.
 *
 * It opens when five different deliveries have failed with no success between: one that a receiver does not like, tried
 * again and again, must not hold back the others. Then there is one attempt at a time, after 30 s, 60 s, … 5 min; the first
 * that succeeds closes it.
 */
export type Circuit = {
  /** Ids of the deliveries that failed since the last success, the first five. */
  readonly failed: readonly string[];
  /** Pauses since it opened. */
  readonly pauses: number;
  /** No attempt before, and then one at a time; null: closed. */
  readonly retryMs: number | null;
  /** The receiver asked for no attempt before. */
  readonly heldUntilMs: number;
  /** When the first attempt failed after the last success; null: the last that counted succeeded. */
  readonly failingSinceMs: number | null;
};

export const closedCircuit: Circuit = {
  failed: [],
  pauses: 0,
  retryMs: null,
  heldUntilMs: Number.NEGATIVE_INFINITY,
  failingSinceMs: null,
};

/** What an attempt that ended at `nowMs` tells of the channel. `random` is uniform in [0, 1). */
export function afterAttempt(
  circuit: Circuit,
  { id, verdict, nowMs, random }: { id: string; verdict: Verdict; nowMs: number; random: number },
): Circuit {
  // A hold stays: others that were under way with the one that was told to wait may well succeed.
  if (verdict.kind === 'ok') return { ...closedCircuit, heldUntilMs: circuit.heldUntilMs };
  // The receiver answered, if only that it does not want this one; and what we cut off ourselves says nothing.
  if (verdict.kind === 'permanent' || verdict.reason === 'aborted') return circuit;
  const failingSinceMs = circuit.failingSinceMs ?? nowMs;
  const holdMs = Math.min(verdict.retryAfterMs ?? 0, holdMaxMs);
  if (holdMs > 0) {
    const heldUntilMs = Math.max(circuit.heldUntilMs, nowMs + holdMs);
    return { ...circuit, failingSinceMs, heldUntilMs, retryMs: Math.max(circuit.retryMs ?? heldUntilMs, heldUntilMs) };
  }
  const failed = withId(circuit.failed, id);
  const isProbe = circuit.retryMs !== null && nowMs >= circuit.retryMs;
  const opens = circuit.retryMs === null && failed.length >= failuresToOpen;
  if (!isProbe && !opens) return { ...circuit, failed, failingSinceMs };
  const pauseMs = Math.min(pauseMaxMs, firstPauseMaxMs * 2 ** circuit.pauses) * (1 - chance * random);
  return { ...circuit, failed, failingSinceMs, pauses: circuit.pauses + 1, retryMs: nowMs + Math.round(pauseMs) };
}

/** How many attempts may begin now. */
export function roomFor(
  circuit: Circuit,
  { nowMs, concurrency, underWay }: { nowMs: number; concurrency: number; underWay: number },
): number {
  if (nowMs < circuit.heldUntilMs) return 0;
  if (circuit.retryMs === null) return Math.max(0, concurrency - underWay);
  return nowMs < circuit.retryMs ? 0 : Math.max(0, 1 - underWay);
}

/** When attempts may begin again; null: now. */
export function pausedUntilMs({ retryMs, heldUntilMs }: Circuit, nowMs: number): number | null {
  const untilMs = Math.max(retryMs ?? heldUntilMs, heldUntilMs);
  return nowMs < untilMs ? untilMs : null;
}

function withId(ids: readonly string[], id: string): readonly string[] {
  return ids.includes(id) || ids.length >= failuresToOpen ? ids : [...ids, id];
}
