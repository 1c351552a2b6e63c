import { LogNotifier } from './log/log-notifier.ts';
import type { Notifier } from './notifier.ts';
import { WebhookNotifier, type WebhookOptions } from './webhook/webhook-notifier.ts';

/** The notifier that `PING_ALERT_URI` stands for: a webhook, or the log when there is none (`uri` null). */
export function alertNotifier(options: {
  uri: string | null;
  method: 'POST' | 'GET';
  ports: WebhookOptions['ports'] & { logger: ConstructorParameters<typeof LogNotifier>[0]['logger'] };
}): Notifier {
  const { uri, method, ports } = options;
  return uri === null ? new LogNotifier(ports) : new WebhookNotifier({ uri, method, ports });
}
