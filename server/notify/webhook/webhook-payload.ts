import { formatDuration } from '../../engine/domain/duration.ts';
import type { Notice } from '../../engine/domain/notice.ts';
import { noticeText } from '../notice-text.ts';

/**
 * The JSON body of a webhook; receivers rely on it, so it only ever grows. `timestamp` is ISO 8601; every time within
 * `data` is in whole Unix seconds, rounded down, null when there is none.
 */
export type WebhookPayload = {
  type: `monitor.${Notice['type']}`;
  /** When the notice was made; the attempt's own time is in the webhook-timestamp header. */
  timestamp: string;
  /** The whole of it in a sentence or two, for people. */
  text: string;
  data: {
    name: string;
    status: Notice['type'];
    last_ping: number | null;
    due_at: number | null;
    /** `due_at` + grace: by when the ping had to come. */
    deadline: number | null;
    /** Such as "10m"; empty with a cron schedule. */
    frequency: string;
    /** Null: the schedule is the frequency. */
    cron: { expression: string; time_zone: string } | null;
    grace: string;
    tags: readonly string[];
    /** `critical`, `error`, `warning` or `info`. */
    severity: Notice['severity'];
    /** The same in every notice of one incident. */
    incident_id: string;
    reason: Notice['reason'];
    down_since: number;
    recovered_at: number | null;
    /** 0 for the first notice of an incident, then 1, 2, … */
    repeat: number;
    /** An `up` that stands for the `down` before it as well: nothing was sent about that one. */
    merged: boolean;
    /** What the failed ping said; empty otherwise. */
    message: string;
    exit_code: number | null;
    /** When Tocsin itself was not listening while the ping was due. */
    blind: { from: number; to: number } | null;
    /** The monitor that this one depends on and that was down, because of which the alert waited; empty when none. */
    held_by: string;
    /** How often it went down lately, when it flaps or did until now; else 0. */
    flaps: number;
  };
};

export function webhookPayload(notice: Notice): WebhookPayload {
  const { type, blind, cron } = notice;
  return {
    type: `monitor.${type}`,
    timestamp: new Date(notice.atMs).toISOString(),
    text: noticeText(notice),
    data: {
      name: notice.name,
      status: type,
      last_ping: seconds(notice.lastBeatMs),
      due_at: seconds(notice.dueMs),
      deadline: seconds(notice.deadlineMs),
      frequency: cron ? '' : formatDuration(notice.frequencyMs),
      cron: cron && { expression: cron.expression, time_zone: cron.timeZone },
      grace: formatDuration(notice.graceMs),
      tags: notice.tags,
      severity: notice.severity,
      incident_id: notice.incidentId,
      reason: notice.reason,
      down_since: seconds(notice.downSinceMs),
      recovered_at: seconds(notice.recoveredMs),
      repeat: notice.repeat,
      merged: notice.merged,
      message: notice.message,
      exit_code: notice.exitCode,
      blind: blind && { from: seconds(blind.fromMs), to: seconds(blind.toMs) },
      held_by: notice.heldBy,
      flaps: notice.flaps,
    },
  };
}

/** Unix ms as whole Unix seconds. */
export function seconds<Ms extends number | null>(ms: Ms): Ms extends null ? null : number;
export function seconds(ms: number | null): number | null {
  return ms === null ? null : Math.floor(ms / 1000);
}
