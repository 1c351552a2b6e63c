import { z } from 'zod';
import type { ChannelKind } from '../channel-kind.ts';
import { keyedEvents } from '../keyed-events.ts';
import { postJson, RequestsNotifier } from '../requests-notifier.ts';
import { baseUrl } from '../web-url.ts';
import { pagerDutyEvent } from './pagerduty-event.ts';

export type PagerDutySettings = { routingKey: string; url: string };

/** A service of PagerDuty, by its integration for the Events API v2. */
export const pagerDutyKind: ChannelKind<PagerDutySettings> = {
  settings: z.strictObject({
    routingKey: z
      .string({ error: 'must be set: the integration key of a service, 32 letters and digits' })
      .regex(/^[0-9A-Za-z]{32}$/, { error: 'must be the integration key of a service: 32 letters and digits' }),
    url: baseUrl('https://events.pagerduty.com/v2/enqueue'),
  }),
  secrets: ['routingKey'],
  isKeyed: true,
  refreshMs: null,
  notifier: ({ routingKey, url }, ports) =>
    new RequestsNotifier({
      ports,
      secrets: [routingKey],
      requests: (attempt) =>
        keyedEvents(attempt).map((round) =>
          round.map((event) => postJson(url, pagerDutyEvent(event, { notices: attempt.notices, routingKey }))),
        ),
    }),
};
