import { type AlertText, alertText, latestOfEach } from '../alert-text.ts';
import type { Attempt } from '../notifier.ts';

/** What a message says, and the headers that tell programs what it is. */
export type EmailMessage = {
  subject: string;
  text: string;
  html: string;
  /** The same on every attempt, so that who got it twice can tell. */
  messageId: string;
  /** Of an incident: it makes its messages one conversation. Of a digest: none. */
  references: string[];
  headers: Record<string, string>;
};

/** `domain` is that of the sender: ids of messages are unique within it. */
export function emailMessage({ id, notices }: Pick<Attempt, 'id' | 'notices'>, domain: string): EmailMessage {
  const alert = alertText(notices);
  const [first, ...others] = latestOfEach(notices);
  const isConversation = first !== undefined && others.length === 0 && first.type !== 'test';
  return {
    subject: alert.title,
    text: plainBody(alert),
    html: htmlBody(alert),
    messageId: `<${idPart(id)}@${domain}>`,
    // There is no message of this id: it need not exist, all that answer to it belong together (RFC 5322, 3.6.4).
    references: isConversation ? [`<incident-${idPart(first.incidentId)}@${domain}>`] : [],
    headers: {
      // RFC 3834; and what Exchange looks at. Nobody's absence is to be answered to an alert.
      'Auto-Submitted': 'auto-generated',
      'X-Auto-Response-Suppress': 'All',
    },
  };
}

function plainBody({ text, facts }: AlertText): string {
  const lines = facts.map(({ label, value }) => `${label}: ${value}\n`);
  return lines.length === 0 ? `${text}\n` : `${text}\n\n${lines.join('')}`;
}

function htmlBody({ text, facts }: AlertText): string {
  const lines = text.split('\n').map((line) => `<p>${escapeHtml(line)}</p>\n`);
  const rows = facts.map(({ label, value }) => {
    return `<tr><th align="left">${escapeHtml(label)}</th><td>${escapeHtml(value)}</td></tr>\n`;
  });
  const table = rows.length === 0 ? '' : `<table cellpadding="4">\n${rows.join('')}</table>\n`;
  return `<!doctype html>\n<html lang="en"><body>\n${lines.join('')}${table}</body></html>\n`;
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character]!);
}

/** Ids are made by Tocsin; whatever they become, they must not end the header. */
function idPart(id: string): string {
  return id.replace(/[^A-Za-z0-9._-]/g, '_');
}
