import { z } from 'zod';
import type { ChannelKind } from '../channel-kind.ts';
import type { Verdict } from '../notifier.ts';
import { jsonAnswer, refused } from '../receiver-answer.ts';
import { secretsOfUrl } from '../redactor.ts';
import { postJson, RequestsNotifier } from '../requests-notifier.ts';
import { webUrl } from '../web-url.ts';
import { slackPayload } from './slack-payload.ts';

export type SlackSettings = { url: string; channel: string; mention: string };

/** An incoming webhook of Slack, Mattermost or Rocket.Chat. */
export const slackKind: ChannelKind<SlackSettings> = {
  settings: z.strictObject({
    url: webUrl(),
    channel: z.string().max(256, { error: 'must have up to 256 characters' }).default(''),
    mention: z.string().max(256, { error: 'must have up to 256 characters' }).default(''),
  }),
  secrets: ['url'],
  isKeyed: false,
  refreshMs: null,
  notifier: ({ url, channel, mention }, ports) =>
    new RequestsNotifier({
      ports,
      secrets: secretsOfUrl(new URL(url)),
      requests: ({ notices }) => [[postJson(url, slackPayload(notices, { channel, mention }))]],
      judge: judgeSlack,
    }),
};

/** Slack answers "ok", and no with a status of its own; what speaks its form may say no with a 200. */
function judgeSlack({ status, text }: { status: number; text: string }): Verdict | null {
  const answer = status === 200 ? jsonAnswer(text) : null;
  return answer?.ok === false || answer?.success === false ? refused(answer.error) : null;
}
