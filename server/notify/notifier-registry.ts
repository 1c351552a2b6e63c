import type { Clock } from '../clock.ts';
import { type AlertLogger, LogNotifier } from './log/log-notifier.ts';
import type { Notifier } from './notifier.ts';
import { WebhookNotifier, type WebhookOptions } from './webhook/webhook-notifier.ts';

/** Every kind of channel. */
export const notifierKinds = {
  log: (options: { logger: AlertLogger }): Notifier => new LogNotifier(options),
  webhook: (options: WebhookOptions): Notifier => new WebhookNotifier(options),
};

/** The notifier that `PING_ALERT_URI` stands for: a webhook, or the log when there is none (`uri` null). */
export function alertNotifier(options: {
  uri: string | null;
  method: 'POST' | 'GET';
  /** `whsec_…` */
  secret: string;
  clock: Clock;
  logger: AlertLogger;
}): Notifier {
  const { uri, method, secret, clock, logger } = options;
  if (uri === null) return notifierKinds.log({ logger });
  return notifierKinds.webhook({ uri, method, secret, clock });
}
