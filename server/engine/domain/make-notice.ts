import type { Monitor, OpenIncident } from './monitor.ts';
import type { Notice } from './notice.ts';

type Details = Partial<Pick<Notice, 'recoveredMs' | 'merged' | 'repeat' | 'message' | 'exitCode' | 'blind'>>;

/** A notice about `incident` of `monitor`, as it stands at `atMs`. */
export function makeNotice(
  type: 'down' | 'up',
  { monitor, incident, atMs }: { monitor: Monitor; incident: OpenIncident; atMs: number },
  details: Details = {},
): Notice {
  return {
    type,
    atMs,
    name: monitor.name,
    reason: incident.reason,
    incidentId: incident.id,
    downSinceMs: incident.startedMs,
    recoveredMs: null,
    merged: false,
    repeat: 0,
    lastBeatMs: monitor.lastBeatMs,
    dueMs: monitor.dueMs,
    deadlineMs: monitor.deadlineMs,
    frequencyMs: monitor.frequencyMs,
    graceMs: monitor.graceMs,
    message: '',
    exitCode: null,
    blind: monitor.hold?.blind ?? null,
    ...details,
  };
}
