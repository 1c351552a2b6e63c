import { z } from 'zod';
import type { ChannelKind } from '../channel-kind.ts';
import type { Verdict } from '../notifier.ts';
import { refused } from '../receiver-answer.ts';
import { secretsOfUrl } from '../redactor.ts';
import { postJson, RequestsNotifier } from '../requests-notifier.ts';
import { webUrl } from '../web-url.ts';
import { teamsPayload } from './teams-payload.ts';

export type TeamsSettings = { url: string };

/** A workflow of Microsoft Teams that begins with a webhook. */
export const teamsKind: ChannelKind<TeamsSettings> = {
  settings: z.strictObject({ url: webUrl() }),
  secrets: ['url'],
  isKeyed: false,
  refreshMs: null,
  notifier: ({ url }, ports) =>
    new RequestsNotifier({
      ports,
      secrets: secretsOfUrl(new URL(url)),
      requests: ({ notices }) => [[postJson(url, teamsPayload(notices))]],
      judge: judgeTeams,
    }),
};

/** A workflow answers 202; connectors of before answered 200 to everything (MicrosoftDocs/msteams-docs, issue 1810). */
function judgeTeams({ status, text }: { status: number; text: string }): Verdict | null {
  const isNo = status === 200 && /^"?Webhook message delivery failed/i.test(text);
  return isNo ? refused(text) : null;
}
