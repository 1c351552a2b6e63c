import type { Monitor, OpenIncident } from './monitor.ts';
import type { Notice } from './notice.ts';

type Details = Partial<Pick<Notice, 'recoveredMs' | 'merged' | 'repeat' | 'message' | 'blind' | 'heldBy' | 'flaps'>>;

/** A notice about `incident` of `monitor`, as it stands at `atMs`. */
export function makeNotice(
  type: Exclude<Notice['type'], 'test'>,
  { monitor, incident, atMs }: { monitor: Monitor; incident: OpenIncident; atMs: number },
  details: Details = {},
): Notice {
  return {
    type,
    atMs,
    name: monitor.name,
    severity: monitor.config.severity,
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
    cron: monitor.config.cron,
    graceMs: monitor.graceMs,
    tags: monitor.config.tags,
    message: type === 'down' ? incident.message : '',
    exitCode: type === 'down' ? incident.exitCode : null,
    blind: monitor.hold?.blind ?? null,
    heldBy: '',
    flaps: 0,
    ...details,
  };
}

/** An `up` that stands for its `down` as well, which nobody was told of: it shows what was missed. */
export function mergedNotice(down: Notice, up: Notice): Notice {
  const { dueMs, deadlineMs, blind, exitCode } = down;
  const message = down.message === '' ? up.message : down.message;
  return { ...up, merged: true, dueMs, deadlineMs, blind, exitCode, message };
}
