import type { Notice } from '../../engine/domain/notice.ts';
import { titleOfOne } from '../alert-text.ts';
import { noticeText } from '../notice-text.ts';

/** Labels that say which alert it is; a channel cannot set them. */
export const ownLabels: readonly string[] = ['alertname', 'monitor', 'severity', 'tags'];

export type AlertLabels = Record<string, string>;

/** An alert of Alertmanager's API, version 2 (`postableAlert` of its openapi.yaml). */
export type AlertmanagerAlert = {
  labels: AlertLabels;
  annotations: Record<string, string>;
  /** RFC 3339. */
  startsAt: string;
  /** RFC 3339. Once it has passed, the alert is resolved. */
  endsAt: string;
};

/** How long an alert stays open that nobody posts again: longer than Tocsin may be away, ms. */
const openMs = 86_400_000;
/** A test resolves by itself, ms. */
const testMs = 60_000;
/**
 * A recovery is dated so much earlier. To an Alertmanager whose clock is behind, the end would lie ahead: it merges such an
 * alert with the open one and keeps the later end (`Alert.Merge` in its types/types.go), which is a day away.
 */
const clockSkewMs = 10_000;

/**
 * The labels of a monitor's alert, the same from down to up. `tags` are sorted, between commas and in commas, so that a
 * matcher need not know where one stands: `tags=~".*,prod,.*"`. Without tags there is no such label.
 */
export function alertLabels({ type, name, severity, tags }: Notice, added: AlertLabels): AlertLabels {
  return {
    ...added,
    alertname: type === 'test' ? 'TocsinTest' : 'TocsinMonitorDown',
    monitor: name,
    severity,
    ...(tags.length === 0 ? {} : { tags: `,${[...tags].sort().join(',')},` }),
  };
}

/** What Alertmanager is told of a notice, at `nowMs`. */
export function alertOf(notice: Notice, { labels, nowMs }: { labels: AlertLabels; nowMs: number }): AlertmanagerAlert {
  const { startMs, endMs } = interval(notice, nowMs);
  // Of how often it was told Alertmanager knows better.
  const told = { ...notice, repeat: 0 };
  return {
    labels,
    annotations: {
      summary: titleOfOne(told),
      description: noticeText(told),
      ...(notice.type === 'test' ? {} : { incident_id: notice.incidentId }),
    },
    startsAt: new Date(startMs).toISOString(),
    endsAt: new Date(Math.max(startMs, endMs)).toISOString(),
  };
}

function interval(notice: Notice, nowMs: number): { startMs: number; endMs: number } {
  const { type, downSinceMs, recoveredMs, atMs } = notice;
  switch (type) {
    case 'test':
      return { startMs: atMs, endMs: nowMs + testMs };
    case 'down':
    case 'flapping':
      return { startMs: downSinceMs, endMs: nowMs + openMs };
    case 'up':
    case 'closed':
      return { startMs: downSinceMs, endMs: (recoveredMs ?? atMs) - clockSkewMs };
  }
}
