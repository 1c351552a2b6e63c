/** How long a digest waits for company, ms: what goes down at once should be told at once. */
export const collectMs = 1_000;
/** It waits on while more comes within this time, ms: 10,000 flips take the engine more than a second on a busy machine. */
export const quietMs = 500;
/** But no longer than this. */
export const collectMaxMs = 5_000;

export type Grouping =
  /** Each that waits goes by itself. */
  | { kind: 'singles' }
  /** All that waits goes as one, now. */
  | { kind: 'digest' }
  /** Nothing yet: look again then, or when more comes. */
  | { kind: 'wait'; untilMs: number };

export type Told = { atMs: number; notices: number };

/** What a channel has waiting and has sent lately. All times are of one clock, ms. */
export type GroupingInput = {
  /** Notices that were never attempted and may be grouped; at least one. */
  fresh: number;
  /** When the oldest of them was made. */
  oldestMs: number;
  /** When the newest was. */
  newestMs: number;
  /** Messages that were sent, and how many notices each told: at least those of the last two windows. */
  told: readonly Told[];
  /** When the last digest was sent; null: never. */
  lastDigestMs: number | null;
  digest: { above: number; windowMs: number };
  /** See `Lane`. */
  isBatched: boolean;
  nowMs: number;
};

/**
 * How the notices that wait for a channel are told. Each goes by itself, at once, while no more than `above` are told within
 * `windowMs`; otherwise they collect for a second, or while more comes, and go as one digest, `windowMs` after the last one at the earliest. So there
 * are never more than `above` + 1 messages within `windowMs`, in a storm that goes on there is one, and nothing waits longer
 * than that.
 */
export function decideGrouping(input: GroupingInput): Grouping {
  const { fresh, oldestMs, newestMs, told, lastDigestMs, digest, isBatched, nowMs } = input;
  const collectedMs = Math.min(oldestMs + collectMaxMs, Math.max(oldestMs + collectMs, newestMs + quietMs));
  const isCollecting = nowMs < collectedMs;
  if (isBatched && !isCollecting) return fresh === 1 ? { kind: 'singles' } : { kind: 'digest' };
  // Counted back from the oldest that waits, not from now: what began to collect for a digest goes as one.
  const near = told.filter(({ atMs }) => atMs > oldestMs - digest.windowMs);
  const notices = near.reduce((sum, its) => sum + its.notices, fresh);
  if (notices <= digest.above && !isBatched) return { kind: 'singles' };
  if (isCollecting) return { kind: 'wait', untilMs: collectedMs };
  const nextDigestMs = lastDigestMs === null ? nowMs : lastDigestMs + digest.windowMs;
  return nowMs < nextDigestMs ? { kind: 'wait', untilMs: nextDigestMs } : { kind: 'digest' };
}
