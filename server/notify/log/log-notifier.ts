import { noticeText } from '../notice-text.ts';
import type { Attempt, Notifier, Verdict } from '../notifier.ts';

/** What is needed of a logger (pino's shape). */
export type AlertLogger = {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
};

/** Writes alerts to the log, for want of anybody to tell. */
export class LogNotifier implements Notifier {
  readonly #logger: AlertLogger;

  constructor({ logger }: { logger: AlertLogger }) {
    this.#logger = logger;
  }

  async send({ id, notices }: Attempt): Promise<Verdict> {
    try {
      for (const notice of notices) {
        const { type, name, severity, incidentId, reason, repeat, merged } = notice;
        const details = { alert: { id, type, name, severity, incidentId, reason, repeat, merged } };
        this.#logger[type === 'down' || merged ? 'warn' : 'info'](details, noticeText(notice));
      }
      return { kind: 'ok', detail: 'written to the log' };
    } catch {
      return { kind: 'retryable', reason: 'internal', detail: 'the log could not be written' };
    }
  }
}
