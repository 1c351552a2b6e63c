import type { Notice } from '../../engine/domain/notice.ts';
import { alertText, latestOfEach } from '../alert-text.ts';
import { seconds } from './webhook-payload.ts';

const monitorsMax = 10_000;

/** The JSON body of a webhook that tells of many monitors at once; like `WebhookPayload` it only ever grows. */
export type DigestPayload = {
  type: 'monitors.digest';
  /** When the newest notice was made. */
  timestamp: string;
  /** How many are down and so on, and a line for each of the first. */
  text: string;
  data: {
    /** Monitors by status. */
    counts: Record<Notice['type'], number>;
    /** The worst of those that are down; when none is, of all. */
    severity: Notice['severity'];
    /** The newest of each monitor, at most 10,000. */
    monitors: {
      name: string;
      status: Notice['type'];
      severity: Notice['severity'];
      incident_id: string;
      reason: Notice['reason'];
      down_since: number;
      recovered_at: number | null;
      repeat: number;
      merged: boolean;
    }[];
    /** How many there was no room for. */
    omitted: number;
  };
};

export function digestPayload(notices: readonly [Notice, ...Notice[]]): DigestPayload {
  const latest = latestOfEach(notices);
  const { title, text, severity } = alertText(notices);
  const counts = { down: 0, up: 0, closed: 0, flapping: 0, test: 0 };
  for (const { type } of latest) counts[type]++;
  return {
    type: 'monitors.digest',
    timestamp: new Date(latest.reduce((ms, { atMs }) => Math.max(ms, atMs), 0)).toISOString(),
    text: `${title}:\n${text}`,
    data: {
      counts,
      severity,
      monitors: latest.slice(0, monitorsMax).map((notice) => ({
        name: notice.name,
        status: notice.type,
        severity: notice.severity,
        incident_id: notice.incidentId,
        reason: notice.reason,
        down_since: seconds(notice.downSinceMs),
        recovered_at: seconds(notice.recoveredMs),
        repeat: notice.repeat,
        merged: notice.merged,
      })),
      omitted: Math.max(0, latest.length - monitorsMax),
    },
  };
}
