import { z } from 'zod';
import type { Notice } from '../../engine/domain/notice.ts';
import { alertEmoji } from '../alert-look.ts';
import { alertText } from '../alert-text.ts';
import type { ChannelKind } from '../channel-kind.ts';
import type { Verdict } from '../notifier.ts';
import { cutText, oneLine, type TextSize } from '../plain-text.ts';
import { jsonAnswer, refused } from '../receiver-answer.ts';
import { postJson, RequestsNotifier } from '../requests-notifier.ts';
import { baseUrl } from '../web-url.ts';

/** A message may have 4,096 characters (core.telegram.org/bots/api#sendmessage): these, an emoji and a line break. */
const titleMaxLength = 590;
const textMaxLength = 3_500;

export type TelegramSettings = { botToken: string; chatId: string; url: string };

/** A chat of Telegram, written to by a bot. */
export const telegramKind: ChannelKind<TelegramSettings> = {
  settings: z.strictObject({
    botToken: z
      .string({ error: 'must be set: the token of a bot' })
      .regex(/^\d{1,20}:[\w-]{8,200}$/, { error: 'must be the token of a bot, such as 123456:ABC-DEF' }),
    chatId: z
      .string({ error: 'must be set: the number of a chat, or the @name of a public one' })
      .regex(/^(-?\d{1,20}|@\w{4,64})$/, { error: 'must be the number of a chat, or the @name of a public one' }),
    url: baseUrl('https://api.telegram.org'),
  }),
  secrets: ['botToken'],
  isKeyed: false,
  refreshMs: null,
  notifier: ({ botToken, chatId, url }, ports) =>
    new RequestsNotifier({
      ports,
      secrets: [botToken, botToken.slice(botToken.indexOf(':') + 1)],
      requests: ({ notices }) => [[postJson(`${url}/bot${botToken}/sendMessage`, telegramMessage(notices, chatId))]],
      judge: judgeTelegram,
    }),
};

/** Plain text, without a parse mode: there is no markup to escape, but "@name" is a mention all the same. */
export function telegramMessage(
  notices: readonly [Notice, ...Notice[]],
  chatId: string,
): { chat_id: string; text: string; link_preview_options: { is_disabled: true } } {
  const alert = alertText(notices, { max: textMaxLength, size: shownLength });
  const title = `${alertEmoji(alert)} ${cutText(alert.title, titleMaxLength, shownLength)}`;
  const text = telegramText(`${title}\n${alert.text}`);
  return { chat_id: chatId, text, link_preview_options: { is_disabled: true } };
}

/** An invisible word joiner keeps an @ from being a mention. */
function telegramText(text: string): string {
  return text.replaceAll('@', '@\u2060');
}

const shownLength: TextSize = (text) => telegramText(text).length;

/** Why not, and how long to wait, is in the answer (core.telegram.org/bots/api#making-requests, #responseparameters). */
function judgeTelegram({ status, text }: { status: number; text: string }): Verdict | null {
  const answer = jsonAnswer(text);
  if (answer?.ok !== false) return null;
  if (status >= 200 && status < 300) return refused(answer.description);
  if (status !== 429) return null;
  const { retry_after: seconds } = { ...(answer.parameters as { retry_after?: unknown } | undefined) };
  if (typeof seconds !== 'number' || !(seconds >= 0 && seconds < 1e10)) return null;
  const said = typeof answer.description === 'string' ? `: ${cutText(oneLine(answer.description), 200)}` : '';
  return {
    kind: 'retryable',
    reason: 'http_status',
    detail: `HTTP ${status}${said}`,
    retryAfterMs: seconds * 1000,
  };
}
