import type { Rejection } from './decision.ts';
import type { Beat, Monitor } from './monitor.ts';

/** How far a stamp may lie ahead of the time of receipt before it is an error, in ms. */
export const stampAheadMaxMs = 60_000;

export type BeatTime =
  | { kind: 'current'; atMs: number }
  /** Older than the newest beat: history only. */
  | { kind: 'stale'; atMs: number }
  | { kind: 'rejected'; rejection: Rejection };

/**
 * The time that a beat counts for, Unix ms. Without a stamp it is the time of receipt, and never stale (the wall clock
 * may have gone back). A stamp is compared with the newest beat in whole seconds, its own resolution. A stale beat is
 * an error for a plain ping; a client that sends a beat id replays on purpose, so there it is history.
 */
export function beatTime(beat: Beat, monitor: Monitor | undefined): BeatTime {
  if (beat.stampS === null) return { kind: 'current', atMs: beat.receivedMs };
  const stampMs = beat.stampS * 1000;
  if (stampMs > beat.receivedMs + stampAheadMaxMs) return rejected(futureText(beat.stampS, beat.receivedMs));
  const atMs = Math.min(stampMs, beat.receivedMs);
  if (!monitor || monitor.lastBeatMs === null) return { kind: 'current', atMs };
  // A last beat in the future is from before the wall clock was set back: it must not make every stamp stale till then.
  const lastMs = Math.min(monitor.lastBeatMs, beat.receivedMs);
  const lastS = Math.floor(lastMs / 1000);
  if (beat.stampS >= lastS) {
    // A stamp has no milliseconds: within the second of the newest beat it counts as that beat's time, not as earlier.
    return { kind: 'current', atMs: Math.floor(atMs / 1000) === lastS ? Math.max(atMs, lastMs) : atMs };
  }
  if (beat.beatId !== '') return { kind: 'stale', atMs };
  return rejected(`timestamp: must not be older than the last beat, which is ${lastS}; got ${beat.stampS}`);
}

function rejected(message: string): BeatTime {
  return { kind: 'rejected', rejection: { code: 'invalid_argument', field: 'timestamp', message } };
}

function futureText(stampS: number, receivedMs: number): string {
  const looksLikeMs = Math.abs(stampS - receivedMs) < 366 * 86_400_000;
  const hint = looksLikeMs ? '; this looks like milliseconds, divide by 1000' : '';
  const nowS = Math.floor(receivedMs / 1000);
  return `timestamp: must be Unix seconds, at most 60 s ahead of the server's clock (${nowS}); got ${stampS}${hint}`;
}
