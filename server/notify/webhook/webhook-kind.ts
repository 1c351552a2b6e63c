import { z } from 'zod';
import type { ChannelKind } from '../channel-kind.ts';
import { WebhookNotifier } from './webhook-notifier.ts';
import { isWebhookSecret } from './webhook-secret.ts';

export type WebhookSettings = { url: string; method: 'POST' | 'GET'; signingSecret: string };

const settings = z.strictObject({
  url: z.string().refine((text) => /^https?:\/\/[^\s/?#]\S*$/i.test(text) && URL.canParse(text), {
    error: 'must be a URL that starts with http:// or https://, without spaces',
  }),
  method: z.enum(['POST', 'GET'], { error: 'must be GET or POST' }).default('POST'),
  signingSecret: z
    .string()
    .refine((text) => text === '' || isWebhookSecret(text), {
      error:
        'must be whsec_ and the base64 of 24 to 64 bytes, such as the output of: echo whsec_$(openssl rand -base64 32)',
    })
    .default(''),
});

/** Requests a URL. */
export const webhookKind: ChannelKind<WebhookSettings> = {
  settings,
  secrets: ['url', 'signingSecret'],
  isKeyed: false,
  refreshMs: null,
  notifier({ url, method, signingSecret }, ports) {
    const signing = signingSecret === '' ? ports.signingSecret : signingSecret;
    return new WebhookNotifier({ uri: url, method, ports: { ...ports, signingSecret: signing } });
  },
};
