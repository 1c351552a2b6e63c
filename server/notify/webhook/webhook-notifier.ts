import { Webhook } from 'standardwebhooks';
import { basicAuthorization } from '../basic-authorization.ts';
import type { NotifierPorts } from '../channel-kind.ts';
import type { HttpRequest } from '../http-attempt.ts';
import type { Attempt, Notifier, Verdict } from '../notifier.ts';
import { Redactor, secretsOfUrl } from '../redactor.ts';
import { seconds, webhookPayload } from './webhook-payload.ts';

export type WebhookOptions = {
  /** http or https; may carry `user:password@`, which is sent as Basic authorization. */
  uri: string;
  /** POST: signed JSON (see `WebhookPayload`). GET: only `?name=&last_ping=`, added to the query that the URI has. */
  method: 'POST' | 'GET';
  /** `signingSecret` signs what is POSTed, as Standard Webhooks have it. */
  ports: Pick<NotifierPorts, 'clock' | 'http' | 'signingSecret'>;
  /** Limit of one attempt, ms. Default 10,000. */
  timeoutMs?: number;
};

/** Tells a URL about alerts. */
export class WebhookNotifier implements Notifier {
  readonly #method: 'POST' | 'GET';
  /** The URI without credentials and fragment. */
  readonly #uri: string;
  readonly #headers: Record<string, string>;
  readonly #webhook: Webhook;
  readonly #redactor: Redactor;
  readonly #ports: WebhookOptions['ports'];
  readonly #timeoutMs: number;

  constructor({ uri, method, ports, timeoutMs = 10_000 }: WebhookOptions) {
    const secret = ports.signingSecret;
    const url = new URL(uri);
    const authorization = basicAuthorization(url);
    this.#redactor = new Redactor([
      secret,
      secret.slice('whsec_'.length),
      authorization.slice(6),
      ...secretsOfUrl(url),
    ]);
    url.username = '';
    url.password = '';
    url.hash = '';
    this.#uri = url.href;
    this.#method = method;
    this.#headers = { 'user-agent': 'tocsin', ...(authorization === '' ? {} : { authorization }) };
    this.#webhook = new Webhook(secret);
    this.#ports = ports;
    this.#timeoutMs = timeoutMs;
  }

  async send(attempt: Attempt, signal: AbortSignal): Promise<Verdict> {
    let request: HttpRequest | null;
    try {
      request = this.#method === 'POST' ? this.#post(attempt) : this.#get(attempt);
    } catch {
      return { kind: 'retryable', reason: 'internal', detail: 'the notice could not be written as a request' };
    }
    if (request === null) return { kind: 'ok', detail: 'nothing sent: the GET form does not tell of recoveries' };
    return this.#ports.http(request, { timeoutMs: this.#timeoutMs, signal, redactor: this.#redactor });
  }

  #post({ id, notices: [notice] }: Attempt): HttpRequest {
    const body = JSON.stringify(webhookPayload(notice));
    const sentMs = this.#ports.clock.wallMs();
    const headers = {
      ...this.#headers,
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(seconds(sentMs)),
      'webhook-signature': this.#webhook.sign(id, new Date(sentMs), body),
    };
    return { url: this.#uri, method: 'POST', headers, body };
  }

  /** Null for a recovery on its own, which this form has no words for. */
  #get({ id, notices: [notice] }: Attempt): HttpRequest | null {
    if (notice.type === 'up' && !notice.merged) return null;
    const query = `name=${encodeURIComponent(notice.name)}&last_ping=${seconds(notice.lastBeatMs) ?? ''}`;
    // The URI's own query stays as it was written, byte by byte.
    const separator = !this.#uri.includes('?') ? '?' : /[?&]$/.test(this.#uri) ? '' : '&';
    const headers = { ...this.#headers, 'webhook-id': id };
    return { url: `${this.#uri}${separator}${query}`, method: 'GET', headers, body: null };
  }
}
