import type { ChannelKind } from '../channel-kind.ts';
import { type WebhookBody, WebhookNotifier } from './webhook-notifier.ts';
import { contentTypeOf, templateOf, type WebhookSettings, webhookSettings } from './webhook-settings.ts';

/** Requests a URL, in a form that templates give it. */
export const webhookKind: ChannelKind<WebhookSettings> = {
  settings: webhookSettings,
  secrets: ['url', 'headers', 'signingSecret'],
  isKeyed: false,
  refreshMs: null,
  notifier(settings, ports) {
    const bodyOf = (text: string): WebhookBody | null =>
      text === '' ? null : { contentType: contentTypeOf(text, settings), template: templateOf(text) };
    const { url, method, headers, body, recoveryBody, signingSecret } = settings;
    return new WebhookNotifier({
      url: templateOf(url),
      method,
      headers: new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), templateOf(value)])),
      body: bodyOf(body),
      recoveryBody: bodyOf(recoveryBody),
      ports: { ...ports, signingSecret: signingSecret === '' ? ports.signingSecret : signingSecret },
    });
  },
};
