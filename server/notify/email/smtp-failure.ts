import type { FailureReason, Verdict } from '../notifier.ts';
import { cutText, oneLine } from '../plain-text.ts';
import type { Redactor } from '../redactor.ts';
import { explainRequestFailure } from '../request-failure.ts';

type Failure = Exclude<Verdict, { kind: 'ok' }>;

/** What is used of nodemailer's errors. Their messages are not: they hold what the server said, with whatever is in it. */
export type SmtpError = {
  /** What kind of failure, such as `EAUTH`. */
  code: string;
  /** The code of the system's or TLS's error behind it; '' when there is none. */
  systemCode: string;
  /** What the server answered; '' when nothing. */
  response: string;
  /** Answers to the recipients, when all were refused. */
  refusals: string[];
  /** There was no connection, so nothing was said. */
  isUnconnected: boolean;
};

/** The server says that no such mailbox is there, and will not be (RFC 3463: 5.1.1, 5.1.6, 5.1.10). */
const unknownMailbox = /^5\d\d[ -]5\.1\.(1|6|10)\b/;
const answerMaxLength = 500;
const detailMaxLength = 300;

/**
 * Classifies why a message was not taken. Permanent is only that no recipient exists: it can only be mended by another
 * channel or a redelivery. All else is retried, also 5xx: most are of the server's or the channel's set-up (relaying, a
 * password, a sender that is not allowed), and an alert is worth more than the attempts until somebody mends it.
 */
export function smtpFailure(error: SmtpError, redactor: Redactor): Failure {
  const { code, systemCode, response, refusals } = error;
  if (response !== '') {
    const answer = smtpAnswer(response, redactor);
    const isGone = refusals.length > 0 && refusals.every((refusal) => unknownMailbox.test(refusal));
    const { reason, detail } = whatOf(code);
    return {
      kind: isGone ? 'permanent' : 'retryable',
      reason,
      detail: cutText(`${detail}: ${answer}`, detailMaxLength),
      answer,
    };
  }
  if (systemCode !== '') {
    return { kind: 'retryable', ...explainRequestFailure(Object.assign(new Error(), { code: systemCode })) };
  }
  return { kind: 'retryable', ...whatOf(code) };
}

/** What a server said, as it may be shown. */
export function smtpAnswer(response: string, redactor: Redactor): string {
  return cutText(oneLine(redactor.redact(response, { truncated: false })), answerMaxLength);
}

function whatOf(code: string): { reason: FailureReason; detail: string } {
  switch (code) {
    case 'EAUTH':
      return { reason: 'receiver', detail: 'username and password were not accepted' };
    case 'EENVELOPE':
      return { reason: 'receiver', detail: 'the sender or all recipients were refused' };
    case 'EMESSAGE':
      return { reason: 'receiver', detail: 'the mail was refused' };
    case 'ETLS':
      return { reason: 'tls', detail: 'TLS could not be started' };
    case 'EPROTOCOL':
      return { reason: 'protocol', detail: 'the answer is not valid SMTP' };
    case 'ETIMEDOUT':
      return { reason: 'timeout', detail: 'the server took too long' };
    case 'ECONNECTION':
    case 'ESOCKET':
      return { reason: 'network', detail: 'connection closed before the mail was taken' };
    default:
      return { reason: 'internal', detail: 'the mail could not be sent' };
  }
}
