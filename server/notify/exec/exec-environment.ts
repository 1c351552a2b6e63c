import { alertText, latestOfEach } from '../alert-text.ts';
import type { Attempt } from '../notifier.ts';
import { oneLine } from '../plain-text.ts';
import { seconds } from '../webhook/webhook-payload.ts';

/**
 * What a program finds in its environment. Of a digest (`TOCSIN_STATUS` is "digest") there is no single name and incident, and
 * severity is the worst. Times are whole Unix seconds, '' when there is none. All texts are in one line, but for `TOCSIN_TEXT`
 * of a digest, which has one for each monitor that is named.
 */
export function execEnvironment({ id, attempt, notices }: Attempt): Record<string, string> {
  const { title, text, status, severity } = alertText(notices);
  const latest = latestOfEach(notices);
  const [first] = latest;
  const common = {
    TOCSIN_DELIVERY_ID: id,
    TOCSIN_ATTEMPT: String(attempt),
    TOCSIN_COUNT: String(latest.length),
    TOCSIN_TITLE: title,
    TOCSIN_TEXT: text,
    TOCSIN_SEVERITY: severity,
    // "firing", "resolved" or "info".
    TOCSIN_STATE: status,
  };
  if (first === undefined || latest.length > 1) return { ...common, TOCSIN_STATUS: 'digest' };
  return {
    ...common,
    TOCSIN_STATUS: first.type,
    TOCSIN_NAME: oneLine(first.name),
    TOCSIN_INCIDENT_ID: first.incidentId,
    TOCSIN_REASON: first.reason,
    TOCSIN_REPEAT: String(first.repeat),
    TOCSIN_DOWN_SINCE: String(seconds(first.downSinceMs)),
    TOCSIN_RECOVERED_AT: String(seconds(first.recoveredMs) ?? ''),
    TOCSIN_TAGS: first.tags.map(oneLine).join(','),
  };
}
