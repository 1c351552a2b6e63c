import type { NotifierPorts } from './channel-kind.ts';
import { LogNotifier } from './log/log-notifier.ts';
import type { Notifier } from './notifier.ts';
import { PlainGetNotifier } from './webhook/plain-get-notifier.ts';
import { WebhookNotifier } from './webhook/webhook-notifier.ts';

/** The notifier that `PING_ALERT_URI` stands for: a webhook, or the log when there is none (`uri` null). */
export function alertNotifier(options: {
  uri: string | null;
  method: 'POST' | 'GET';
  ports: Pick<NotifierPorts, 'clock' | 'http' | 'logger' | 'signingSecret'>;
}): Notifier {
  const { uri, method, ports } = options;
  if (uri === null) return new LogNotifier(ports);
  if (method === 'GET') return new PlainGetNotifier({ uri, ports });
  // Not a template: braces in the URI are braces.
  return new WebhookNotifier({ url: [uri], method, headers: new Map(), body: null, recoveryBody: null, ports });
}
