import type { Notice } from '../../engine/domain/notice.ts';
import { alertText } from '../alert-text.ts';
import type { HttpRequest } from '../http-attempt.ts';
import type { KeyedEvent } from '../keyed-events.ts';
import { cutText, utf16Units } from '../plain-text.ts';
import { postJson } from '../requests-notifier.ts';

/** docs.opsgenie.com/docs/alerts-and-alert-fields. */
const limits = { message: 130, description: 15_000, note: 1_000, tag: 50, tags: 20 };
const priorities = { critical: 'P1', error: 'P2', warning: 'P3', info: 'P5' } as const;

/** A request of the Alert API: creates an alert, or closes one by its alias (docs.opsgenie.com/docs/alert-api). */
export function opsgenieRequest(
  { action, key, isOver }: KeyedEvent,
  options: { notices: readonly [Notice, ...Notice[]]; apiKey: string; url: string; teams: readonly string[] },
): HttpRequest {
  const { notices, apiKey, url, teams } = options;
  const alert = alertText(notices, { max: limits.description, size: utf16Units });
  const headers = { authorization: `GenieKey ${apiKey}` };
  if (action === 'close') {
    const close = `${url}/v2/alerts/${encodeURIComponent(key)}/close?identifierType=alias`;
    return postJson(close, { source: 'Tocsin', note: plain(cutText(alert.text, limits.note)) }, headers);
  }
  const tags = notices.length === 1 ? notices[0].tags : [];
  const body = {
    message: plain(cutText(alert.title, limits.message)),
    alias: key,
    description: plain(alert.text),
    ...(teams.length > 0 && { responders: teams.map((name) => ({ name, type: 'team' })) }),
    tags: tags.slice(0, limits.tags).map((tag) => cutText(tag, limits.tag)),
    details: Object.fromEntries(alert.facts.map(({ label, value }) => [label, plain(value)])),
    source: 'Tocsin',
    priority: isOver ? 'P5' : priorities[alert.severity],
  };
  return postJson(`${url}/v2/alerts`, body, headers);
}

/** Messages may be HTML, but are also read out and sent as text: so no escape, but another character. */
function plain(text: string): string {
  return text.replaceAll('<', '‹');
}
