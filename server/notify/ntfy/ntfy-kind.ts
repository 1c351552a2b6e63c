import { z } from 'zod';
import type { Notice } from '../../engine/domain/notice.ts';
import { type AlertText, alertText } from '../alert-text.ts';
import type { ChannelKind } from '../channel-kind.ts';
import { cutText, jsonBytes } from '../plain-text.ts';
import { postJson, RequestsNotifier } from '../requests-notifier.ts';
import { baseUrl } from '../web-url.ts';

/**
 * A message of 4,096 bytes or more becomes a file (docs.ntfy.sh/publish, limitations), and the whole JSON may have twice
 * that (transformBodyJSON in ntfy's server.go).
 */
const messageMaxBytes = 4_000;
const titleMaxBytes = 1_000;

export type NtfySettings = { topic: string; url: string; token: string };

/** A topic of ntfy. */
export const ntfyKind: ChannelKind<NtfySettings> = {
  settings: z.strictObject({
    topic: z
      .string({ error: 'must be set: 1 to 64 letters, digits, _ and -' })
      .regex(/^[-_A-Za-z0-9]{1,64}$/, { error: 'must be 1 to 64 letters, digits, _ and -' }),
    url: baseUrl('https://ntfy.sh'),
    token: z
      .string()
      .regex(/^[\x21-\x7e]{0,256}$/, { error: 'must be an access token of up to 256 characters without spaces' })
      .default(''),
  }),
  secrets: ['token'],
  isKeyed: false,
  refreshMs: null,
  notifier: ({ topic, url, token }, ports) =>
    new RequestsNotifier({
      ports,
      secrets: [token],
      requests: ({ notices }) => {
        const headers: Record<string, string> = token === '' ? {} : { authorization: `Bearer ${token}` };
        return [[postJson(`${url}/`, ntfyMessage(notices, topic), headers)]];
      },
    }),
};

/** A message as JSON, which goes to the root of the server (docs.ntfy.sh/publish, publish as JSON). Text is text there. */
export function ntfyMessage(
  notices: readonly [Notice, ...Notice[]],
  topic: string,
): { topic: string; title: string; message: string; priority: number; tags: string[] } {
  const alert = alertText(notices, { max: messageMaxBytes, size: jsonBytes });
  return {
    topic,
    title: cutText(alert.title, titleMaxBytes, jsonBytes),
    message: alert.text,
    priority: priorityOf(alert),
    // Names of emojis, which are shown as such before the title.
    tags: [{ firing: 'rotating_light', resolved: 'white_check_mark', info: 'information_source' }[alert.status]],
  };
}

/** 5 rings on and on, 3 is the default, 2 makes no sound. */
function priorityOf({ status, severity }: AlertText): number {
  return status === 'firing' ? { critical: 5, error: 4, warning: 3, info: 2 }[severity] : 3;
}
