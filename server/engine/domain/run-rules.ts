import { formatDuration } from './duration.ts';
import type { Monitor } from './monitor.ts';

/** A rule of its runs that a beat broke. */
export type BrokenRule = { reason: 'too_short' | 'too_often'; message: string };

/** The rule that a run breaks by beginning at `atMs` (Unix ms). */
export function brokenAtBegin({ config, progress }: Monitor, atMs: number): BrokenRule | null {
  const { minIntervalMs } = config;
  if (minIntervalMs === null || progress.begunMs === null) return null;
  const sinceMs = atMs - progress.begunMs;
  // A clock that was set back proves nothing.
  if (sinceMs < 0 || sinceMs >= minIntervalMs) return null;
  const message = `the run began ${sinceMs / 1_000} s after the one before, at least ${formatDuration(minIntervalMs)} is expected`;
  return { reason: 'too_often', message };
}

/** The rule that a run breaks by having taken `durationMs` (null: not known). */
export function brokenAtEnd({ config }: Monitor, durationMs: number | null): BrokenRule | null {
  const { minRunMs } = config;
  if (minRunMs === null || durationMs === null || durationMs >= minRunMs) return null;
  const message = `the run took ${durationMs / 1_000} s, at least ${formatDuration(minRunMs)} is expected`;
  return { reason: 'too_short', message };
}
