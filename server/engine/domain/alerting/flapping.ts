import type { AlertProgress } from './alert-progress.ts';

/** A monitor flaps that goes down as often as the rules say within this time, ms. */
export const flapWindowMs = 60 * 60_000;
/** It is steady again when it has been up or down for so long. */
export const steadyMs = 15 * 60_000;

/** `downs` with one more at `nowMs`, `max` at most; those that do not count any more are left out. */
export function withDown(downs: readonly number[], nowMs: number, max: number): number[] {
  // Times ahead of now come from a clock that was set back: they say nothing.
  const recent = downs.filter((atMs) => atMs > nowMs - flapWindowMs && atMs <= nowMs);
  return [...recent, nowMs].slice(-max);
}

/** What a monitor that is up need not remember any more is left out; the same object while nothing is. */
export function withoutOldDowns(alert: AlertProgress | null, nowMs: number): AlertProgress | null {
  if (alert === null || alert.open !== null) return alert;
  const lastMs = alert.downs.at(-1);
  return lastMs === undefined || Math.abs(nowMs - lastMs) >= flapWindowMs ? null : alert;
}
