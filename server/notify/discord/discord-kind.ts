import { z } from 'zod';
import type { ChannelKind } from '../channel-kind.ts';
import { secretsOfUrl } from '../redactor.ts';
import { postJson, RequestsNotifier } from '../requests-notifier.ts';
import { webUrl } from '../web-url.ts';
import { discordPayload } from './discord-payload.ts';

export type DiscordSettings = { url: string; mention: string };

/** A webhook of Discord. */
export const discordKind: ChannelKind<DiscordSettings> = {
  settings: z.strictObject({
    url: webUrl(),
    mention: z
      .string()
      .max(256, { error: 'must have up to 256 characters' })
      .regex(/^(\s*(@here|@everyone|<@[&!]?\d+>))*\s*$/, {
        error: 'must be of @here, @everyone, <@number of a user> and <@&number of a role>',
      })
      .default(''),
  }),
  secrets: ['url'],
  isKeyed: false,
  refreshMs: null,
  notifier({ url, mention }, ports) {
    const target = new URL(url);
    // Or a message that is not saved is no error.
    target.searchParams.set('wait', 'true');
    return new RequestsNotifier({
      ports,
      secrets: secretsOfUrl(target),
      requests: ({ notices }) => [[postJson(target.href, discordPayload(notices, { mention: mention.trim() }))]],
    });
  },
};
