import type { Notice } from '../../engine/domain/notice.ts';
import { alertColor } from '../alert-look.ts';
import { type AlertText, alertText } from '../alert-text.ts';
import { cutText, type TextSize } from '../plain-text.ts';

/** Block Kit takes texts of up to 3,000 characters; attachments are held to the same. */
const textMaxLength = 3_000;
const titleMaxLength = 300;

export type SlackPayload = {
  channel?: string;
  /** Only who is mentioned. */
  text?: string;
  attachments: [
    {
      color: string;
      /** For notifications of clients that show no attachments. */
      fallback: string;
      title: string;
      text: string;
      fields: { title: string; value: string; short: true }[];
      /** Nothing of it is markup. */
      mrkdwn_in: [];
    },
  ];
};

/**
 * The body for an incoming webhook. An attachment, as Mattermost shows no blocks within attachments (its issue 14973), and
 * blocks have no colour. Form: docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments.
 */
export function slackPayload(
  notices: readonly [Notice, ...Notice[]],
  { channel, mention }: { channel: string; mention: string },
): SlackPayload {
  const alert = alertText(notices, { max: textMaxLength, size: escapedLength });
  const title = slackText(cutText(alert.title, titleMaxLength, escapedLength));
  return {
    ...(channel !== '' && { channel }),
    ...(mention !== '' && alert.status === 'firing' && { text: mention }),
    attachments: [
      {
        color: `#${alertColor(alert).toString(16).padStart(6, '0')}`,
        fallback: title,
        title,
        text: slackText(alert.text),
        fields: fieldsOf(alert),
        mrkdwn_in: [],
      },
    ],
  };
}

function fieldsOf({ facts }: AlertText): SlackPayload['attachments'][0]['fields'] {
  return facts.map(({ label, value }) => ({ title: slackText(label), value: slackText(value), short: true }));
}

/**
 * A text in which nothing is a mention, a link or a picture. `&`, `<` and `>` are all that Slack's own markup begins with
 * (docs.slack.dev/messaging/formatting-message-text); Mattermost also reads "@name" and Markdown, whatever it is told, so
 * an invisible word joiner stands behind each @ and before each "(" of a link.
 */
export function slackText(text: string): string {
  return text.replace(/[&<>@\]]/g, (character) => escapes[character] ?? character);
}

const escapes: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '@': '@\u2060',
  ']': ']\u2060',
};

const escapedLength: TextSize = (text) => slackText(text).length;
