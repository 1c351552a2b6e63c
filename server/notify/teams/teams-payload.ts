import type { Notice } from '../../engine/domain/notice.ts';
import { type AlertText, alertText } from '../alert-text.ts';
import { cutText, jsonBytes } from '../plain-text.ts';

/** A message may have 28 kB (learn.microsoft.com, limits of Teams), by Teams' own count of it, which is above ours. */
const textMaxBytes = 9_000;
const titleMaxBytes = 1_000;

type Color = 'attention' | 'warning' | 'accent' | 'good' | 'default';
type TextRun = { type: 'TextRun'; text: string; weight?: 'bolder'; size?: 'large'; color?: Color };
type RichTextBlock = { type: 'RichTextBlock'; spacing?: 'small'; inlines: TextRun[] };

export type TeamsPayload = {
  type: 'message';
  attachments: [
    {
      contentType: 'application/vnd.microsoft.card.adaptive';
      contentUrl: null;
      content: {
        $schema: 'http://adaptivecards.io/schemas/adaptive-card.json';
        type: 'AdaptiveCard';
        version: '1.4';
        body: RichTextBlock[];
        msteams: { width: 'full' };
      };
    },
  ];
};

/**
 * The body for a workflow's webhook. All text is in text runs, which know no Markdown (Adaptive Cards' schema, TextRun), so
 * nothing needs an escape; and a mention would have to be listed under `msteams.entities`, where nothing is.
 */
export function teamsPayload(notices: readonly [Notice, ...Notice[]]): TeamsPayload {
  const alert = alertText(notices, { max: textMaxBytes, size: jsonBytes });
  const title = cutText(alert.title, titleMaxBytes, jsonBytes);
  return {
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        contentUrl: null,
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.4',
          body: [
            block([{ type: 'TextRun', text: title, weight: 'bolder', size: 'large', color: colorOf(alert) }]),
            // A block for each line: clients do not agree on line breaks.
            ...alert.text.split('\n').map((text) => block([{ type: 'TextRun', text }])),
            ...alert.facts.map(({ label, value }) =>
              block([
                { type: 'TextRun', text: `${label}: `, weight: 'bolder' },
                { type: 'TextRun', text: value },
              ]),
            ),
          ],
          msteams: { width: 'full' },
        },
      },
    ],
  };
}

function block(inlines: TextRun[]): RichTextBlock {
  return { type: 'RichTextBlock', spacing: 'small', inlines };
}

function colorOf({ status, severity }: AlertText): Color {
  if (status !== 'firing') return status === 'resolved' ? 'good' : 'default';
  return ({ critical: 'attention', error: 'attention', warning: 'warning', info: 'accent' } as const)[severity];
}
