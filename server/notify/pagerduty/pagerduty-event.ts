import type { Severity } from '../../engine/domain/monitor-config.ts';
import type { Notice } from '../../engine/domain/notice.ts';
import { alertText } from '../alert-text.ts';
import type { KeyedEvent } from '../keyed-events.ts';
import { cutText, oneLine } from '../plain-text.ts';

/** Events API v2 takes a summary of up to 1,024 characters, and an event of up to 512 kB. */
const summaryMaxLength = 1_024;
const textMaxLength = 10_000;

export type PagerDutyEvent = {
  routing_key: string;
  event_action: 'trigger' | 'resolve';
  dedup_key: string;
  client?: string;
  payload?: {
    summary: string;
    source: string;
    severity: Severity;
    timestamp: string;
    custom_details: Record<string, string>;
  };
};

/** An event of the Events API v2 (PagerDuty/api-schema, reference/events-v2). */
export function pagerDutyEvent(
  { action, key, isOver }: KeyedEvent,
  { notices, routingKey }: { notices: readonly [Notice, ...Notice[]]; routingKey: string },
): PagerDutyEvent {
  if (action === 'close') return { routing_key: routingKey, event_action: 'resolve', dedup_key: key };
  const alert = alertText(notices, { max: textMaxLength, size: (text) => text.length });
  const [first] = notices;
  return {
    routing_key: routingKey,
    event_action: 'trigger',
    dedup_key: key,
    client: 'Tocsin',
    payload: {
      summary: cutText(alert.title, summaryMaxLength),
      source: notices.length === 1 && first.type !== 'test' ? oneLine(first.name) : 'tocsin',
      // Services with dynamic notifications wake nobody for "info".
      severity: isOver ? 'info' : alert.severity,
      timestamp: new Date(first.type === 'test' ? first.atMs : first.downSinceMs).toISOString(),
      custom_details: {
        text: alert.text,
        ...Object.fromEntries(alert.facts.map(({ label, value }) => [label, value])),
      },
    },
  };
}
