import type { Notice } from '../../engine/domain/notice.ts';
import { alertText, latestOfEach } from '../alert-text.ts';
import { noticeText } from '../notice-text.ts';
import type { Attempt, Notifier, Verdict } from '../notifier.ts';

/** What is needed of a logger (pino's shape). */
export type AlertLogger = {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
};

/** Names of a digest that are written. */
const namesMax = 100;

/** Writes alerts to the log, for want of anybody to tell: a line for each attempt. */
export class LogNotifier implements Notifier {
  readonly #logger: AlertLogger;

  constructor({ logger }: { logger: AlertLogger }) {
    this.#logger = logger;
  }

  async send({ id, notices }: Attempt): Promise<Verdict> {
    try {
      const { details, message } = notices.length === 1 ? lineOfOne(notices[0]) : lineOfMany(notices);
      this.#logger[notices.some(isWarning) ? 'warn' : 'info']({ alert: { id, ...details } }, message);
      return { kind: 'ok', detail: 'written to the log' };
    } catch {
      return { kind: 'retryable', reason: 'internal', detail: 'the log could not be written' };
    }
  }
}

function isWarning({ type, merged }: Notice): boolean {
  return type === 'down' || type === 'flapping' || merged;
}

function lineOfOne(notice: Notice): { details: object; message: string } {
  const { type, name, severity, incidentId, reason, repeat, merged } = notice;
  return { details: { type, name, severity, incidentId, reason, repeat, merged }, message: noticeText(notice) };
}

function lineOfMany(notices: Attempt['notices']): { details: object; message: string } {
  const { title, text, status, severity } = alertText(notices);
  const latest = latestOfEach(notices);
  const names = latest.slice(0, namesMax).map(({ name }) => name);
  return { details: { status, severity, monitors: latest.length, names }, message: `${title}\n${text}` };
}
