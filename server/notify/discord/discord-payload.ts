import type { Notice } from '../../engine/domain/notice.ts';
import { alertColor } from '../alert-look.ts';
import { alertText } from '../alert-text.ts';
import { cutText, type TextSize } from '../plain-text.ts';

/**
 * Of title and description those of discord.com/developers/docs/resources/message#embed-object-embed-limits; a field may have
 * 1,024, but the whole embed no more than 6,000.
 */
const limits = { title: 256, description: 4_096, fieldValue: 160 };

export type DiscordPayload = {
  /** Only who is mentioned. */
  content?: string;
  allowed_mentions: { parse: ('everyone' | 'roles' | 'users')[] };
  embeds: [
    {
      title: string;
      description: string;
      color: number;
      timestamp: string;
      fields: { name: string; value: string; inline: true }[];
    },
  ];
};

/**
 * The body for a webhook (discord.com/developers/docs/resources/webhook#execute-webhook). What is not ours is only in the
 * embed, which mentions nobody; mentions are parsed only where the content is the channel's own mention.
 */
export function discordPayload(
  notices: readonly [Notice, ...Notice[]],
  { mention }: { mention: string },
): DiscordPayload {
  const alert = alertText(notices, { max: limits.description, size: escapedLength });
  const isMentioning = mention !== '' && alert.status === 'firing';
  const field = (text: string, max: number): string => discordText(cutText(text, max, escapedLength));
  return {
    ...(isMentioning && { content: mention }),
    allowed_mentions: { parse: isMentioning ? ['everyone', 'roles', 'users'] : [] },
    embeds: [
      {
        title: field(alert.title, limits.title),
        description: discordText(alert.text),
        color: alertColor(alert),
        timestamp: new Date((notices.at(-1) ?? notices[0]).atMs).toISOString(),
        fields: alert.facts.map(({ label, value }) => ({
          name: label,
          value: field(value, limits.fieldValue),
          inline: true,
        })),
      },
    ],
  };
}

/** A text that shows as it is: Markdown's own characters behind a backslash. */
export function discordText(text: string): string {
  return text.replace(/[\\*_~`|<>[\]#@]/g, (character) => `\\${character}`);
}

const escapedLength: TextSize = (text) => discordText(text).length;
