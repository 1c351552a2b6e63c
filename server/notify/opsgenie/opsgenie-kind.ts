import { z } from 'zod';
import type { ChannelKind } from '../channel-kind.ts';
import { keyedEvents } from '../keyed-events.ts';
import { RequestsNotifier } from '../requests-notifier.ts';
import { baseUrl } from '../web-url.ts';
import { opsgenieRequest } from './opsgenie-request.ts';

export type OpsgenieSettings = { apiKey: string; url: string; teams: string[] };

/** Opsgenie, or what speaks its Alert API. */
export const opsgenieKind: ChannelKind<OpsgenieSettings> = {
  settings: z.strictObject({
    apiKey: z
      .string({ error: 'must be set: the key of an API integration' })
      .regex(/^[\x21-\x7e]{1,256}$/, { error: 'must be a key of 1 to 256 characters without spaces' }),
    url: baseUrl('https://api.opsgenie.com'),
    teams: z
      .array(z.string().min(1, { error: 'must not be empty' }).max(100, { error: 'must have up to 100 characters' }))
      .max(20, { error: 'must be up to 20 teams' })
      .default([]),
  }),
  secrets: ['apiKey'],
  isKeyed: true,
  refreshMs: null,
  notifier: ({ apiKey, url, teams }, ports) =>
    new RequestsNotifier({
      ports,
      secrets: [apiKey],
      requests: (attempt) =>
        keyedEvents(attempt).map((round) =>
          round.map((event) => opsgenieRequest(event, { notices: attempt.notices, apiKey, url, teams })),
        ),
    }),
};
