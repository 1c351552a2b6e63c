import { isIP } from 'node:net';
import { createTransport, type SMTPSentMessageInfo } from 'nodemailer';
import type { NotifierPorts } from '../channel-kind.ts';
import type { Attempt, Notifier, Verdict } from '../notifier.ts';
import { cutText } from '../plain-text.ts';
import { Redactor } from '../redactor.ts';
import { explainRequestFailure } from '../request-failure.ts';
import { domainOf, type EmailAddress, parseEmailAddress } from './email-address.ts';
import type { EmailSettings } from './email-kind.ts';
import { type EmailMessage, emailMessage } from './email-message.ts';
import { type SmtpError, smtpAnswer, smtpFailure } from './smtp-failure.ts';

export type EmailOptions = {
  settings: EmailSettings;
  ports: Pick<NotifierPorts, 'clock' | 'addressesOf'>;
  /** Limit of one attempt, ms. Default 10,000. */
  timeoutMs?: number;
};

/** Of a host with more addresses the others are not tried. */
const addressesMax = 3;
const unconnected = /^E(CONNREFUSED|HOSTUNREACH|NETUNREACH|TIMEDOUT|ADDRNOTAVAIL|AFNOSUPPORT)$/;
const detailMaxLength = 300;

/**
 * Sends mail: one message to all recipients. It is ok when the server took it for one of them at least, as sending it again
 * would tell that one twice.
 */
export class EmailNotifier implements Notifier {
  readonly #settings: EmailSettings;
  readonly #ports: EmailOptions['ports'];
  readonly #timeoutMs: number;
  readonly #from: EmailAddress;
  readonly #to: EmailAddress[];
  readonly #redactor: Redactor;

  constructor({ settings, ports, timeoutMs = 10_000 }: EmailOptions) {
    const { from, to, username, password } = settings;
    this.#settings = settings;
    this.#ports = ports;
    this.#timeoutMs = timeoutMs;
    this.#from = addressOf(from);
    this.#to = to.map(addressOf);
    const forms = [password, `\0${username}\0${password}`].map((text) => Buffer.from(text).toString('base64'));
    this.#redactor = new Redactor(password === '' ? [] : [password, ...forms]);
  }

  async send(attempt: Attempt, signal: AbortSignal): Promise<Verdict> {
    const abort = new AbortController();
    const timeout = AbortSignal.timeout(this.#timeoutMs);
    const onAbort = (): void => abort.abort();
    timeout.addEventListener('abort', onAbort);
    signal.addEventListener('abort', onAbort);
    const cutOff = new Promise<never>((_, reject) => {
      abort.signal.addEventListener('abort', () => reject(new Error('aborted')));
    });
    try {
      if (signal.aborted) return aborted();
      const message = emailMessage(attempt, domainOf(this.#from));
      return await Promise.race([this.#deliver(message, abort.signal), cutOff]);
    } catch (error) {
      if (signal.aborted) return aborted();
      if (timeout.aborted) {
        const detail = `the mail was not taken within ${this.#timeoutMs / 1000} s`;
        return { kind: 'retryable', reason: 'timeout', detail };
      }
      return smtpFailure(readError(error), this.#redactor);
    } finally {
      timeout.removeEventListener('abort', onAbort);
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** @throws what nodemailer or the lookup threw. */
  async #deliver(message: EmailMessage, signal: AbortSignal): Promise<Verdict> {
    let addresses: Awaited<ReturnType<NotifierPorts['addressesOf']>>;
    try {
      addresses = (await this.#ports.addressesOf(this.#settings.host)).slice(0, addressesMax);
    } catch (error) {
      return { kind: 'retryable', ...explainRequestFailure(error) };
    }
    for (const [index, { address }] of addresses.entries()) {
      try {
        return this.#accepted(await this.#send(message, { address, signal, share: addresses.length }));
      } catch (error) {
        // Only as long as nothing was said: a message must not be sent twice for a connection that broke.
        const isLast = index === addresses.length - 1;
        if (isLast || signal.aborted || !readError(error).isUnconnected) throw error;
      }
    }
    throw new Error('the host has no address');
  }

  #send(
    message: EmailMessage,
    { address, signal, share }: { address: string; signal: AbortSignal; share: number },
  ): Promise<SMTPSentMessageInfo> {
    const { host, port, tls, username, password } = this.#settings;
    // The certificate is that of the name, though the connection is made to the address that was looked up.
    const servername = isIP(host) > 0 ? undefined : host;
    const transport = createTransport({
      host: address,
      servername,
      port: port === 0 ? (tls === 'implicit' ? 465 : 587) : port,
      secure: tls === 'implicit',
      requireTLS: tls === 'starttls',
      ignoreTLS: tls === 'none',
      opportunisticTLS: tls === 'opportunistic',
      tls: { rejectUnauthorized: tls !== 'opportunistic' },
      ...(username === '' ? {} : { auth: { user: username, pass: password } }),
      connectionTimeout: Math.ceil(this.#timeoutMs / share),
      greetingTimeout: this.#timeoutMs,
      socketTimeout: this.#timeoutMs,
      socketCloseTimeout: 1_000,
      maxResponseSize: 65_536,
      disableFileAccess: true,
      disableUrlAccess: true,
    });
    return transport.sendMail({
      ...message,
      from: this.#from,
      to: this.#to,
      envelope: { from: this.#from.address, to: this.#to.map((to) => to.address) },
      date: new Date(this.#ports.clock.wallMs()),
      xMailer: false,
      signal,
    });
  }

  #accepted({ response, accepted, rejectedErrors }: SMTPSentMessageInfo): Verdict {
    const answer = smtpAnswer(response, this.#redactor);
    const of = this.#to.length;
    const [refused] = rejectedErrors ?? [];
    if (!refused)
      return { kind: 'ok', detail: `taken for ${of === 1 ? 'the recipient' : `all ${of} recipients`}`, answer };
    const why = smtpAnswer(readError(refused).response, this.#redactor);
    return {
      kind: 'ok',
      detail: cutText(`taken for ${accepted.length} of ${of} recipients; ${why}`, detailMaxLength),
      answer,
    };
  }
}

function aborted(): Verdict {
  return { kind: 'retryable', reason: 'aborted', detail: 'cut off before the mail was taken' };
}

/** @throws never for settings that were checked. */
function addressOf(text: string): EmailAddress {
  const address = parseEmailAddress(text);
  if (!address) throw new Error('not an address');
  return address;
}

/** Of nodemailer's error what is used. */
function readError(error: unknown): SmtpError {
  const fields = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>;
  const text = (name: string): string => (typeof fields[name] === 'string' ? fields[name] : '');
  const rejected = Array.isArray(fields.rejectedErrors) ? fields.rejectedErrors : [];
  const systemCode = text('originalCode');
  return {
    code: text('code'),
    systemCode,
    response: text('response'),
    refusals: rejected.map((one) => readError(one).response),
    isUnconnected: unconnected.test(systemCode) || text('timeoutType') === 'CONNECT_TIMEOUT',
  };
}
