import type { Monitor } from './monitor.ts';
import { noProgress } from './progress.ts';

/** A monitor that was made at `createdMs` (Unix ms), before anything has come. The store gives it its id. */
export function newMonitor(
  name: string,
  createdMs: number,
  scheduling: Pick<Monitor, 'config' | 'frequencyMs' | 'graceMs'>,
): Monitor {
  return {
    id: 0,
    version: 0,
    name,
    status: 'new',
    ...scheduling,
    createdMs,
    firstBeatMs: null,
    lastBeatMs: null,
    dueMs: null,
    deadlineMs: null,
    hold: null,
    incident: null,
    progress: noProgress,
  };
}
