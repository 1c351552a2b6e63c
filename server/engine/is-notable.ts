import type { Monitor } from './domain/monitor.ts';

/** Whether a beat did more than move the deadline of its monitor: something else of it that people see is not what it was. */
export function isNotable(before: Monitor, after: Monitor): boolean {
  return (
    before.status !== after.status ||
    before.config !== after.config ||
    before.frequencyMs !== after.frequencyMs ||
    before.graceMs !== after.graceMs ||
    before.hold !== after.hold ||
    // By identity: that of nearly all is the one that says nothing.
    before.progress !== after.progress
  );
}
