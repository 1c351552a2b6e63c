import { alertText } from '../alert-text.ts';
import { basicAuthorization } from '../basic-authorization.ts';
import type { NotifierPorts } from '../channel-kind.ts';
import type { HttpRequest } from '../http-attempt.ts';
import type { Attempt, Notifier, Verdict } from '../notifier.ts';
import { Redactor, secretsOfUrl } from '../redactor.ts';
import { digestPayload } from './digest-payload.ts';
import { placeholderValues, sampleValues } from './placeholders.ts';
import { renderTemplate, type Template, type TemplateValues } from './template.ts';
import { writeInHeader, writeInUrl, writerFor } from './template-writers.ts';
import { seconds, webhookPayload } from './webhook-payload.ts';
import { webhookSignature } from './webhook-signature.ts';

const timeoutMs = 10_000;
const tokenMinLength = 8;

export type WebhookBody = { contentType: string; template: Template };

export type WebhookOptions = {
  /** http or https; may carry `user:password@`, which is sent as Basic authorization. */
  url: Template;
  method: HttpRequest['method'];
  /** By name, in lower case. */
  headers: ReadonlyMap<string, Template>;
  /** Null: none with GET, else JSON (see `WebhookPayload`, `DigestPayload`). */
  body: WebhookBody | null;
  /** Of recoveries; null: `body`. */
  recoveryBody: WebhookBody | null;
  /** `signingSecret` signs bodies, as Standard Webhooks have it. */
  ports: Pick<NotifierPorts, 'clock' | 'http' | 'signingSecret'>;
};

/** Requests a URL. What has a body is signed. */
export class WebhookNotifier implements Notifier {
  readonly #options: WebhookOptions;
  readonly #redactor: Redactor;

  constructor(options: WebhookOptions) {
    const { signingSecret } = options.ports;
    this.#options = options;
    this.#redactor = new Redactor([signingSecret, signingSecret.slice('whsec_'.length), ...secretsOf(options)]);
  }

  async send(attempt: Attempt, signal: AbortSignal): Promise<Verdict> {
    let request: HttpRequest;
    try {
      request = this.#request(attempt);
    } catch {
      return { kind: 'retryable', reason: 'internal', detail: 'the notice could not be written as a request' };
    }
    return this.#options.ports.http(request, { timeoutMs, signal, redactor: this.#redactor });
  }

  #request(attempt: Attempt): HttpRequest {
    const { method, ports } = this.#options;
    const values = placeholderValues(attempt);
    const url = new URL(renderTemplate(this.#options.url, values, writeInUrl));
    const authorization = basicAuthorization(url);
    url.username = '';
    url.password = '';
    url.hash = '';
    const headers: Record<string, string> = { 'user-agent': 'tocsin' };
    if (authorization !== '') headers.authorization = authorization;
    for (const [name, value] of this.#options.headers) headers[name] = renderTemplate(value, values, writeInHeader);
    headers['webhook-id'] = attempt.id;
    const body = this.#body(attempt, values);
    if (body === null) return { url: url.href, method, headers, body };
    headers['content-type'] = body.contentType;
    const sentS = seconds(ports.clock.wallMs());
    headers['webhook-timestamp'] = String(sentS);
    headers['webhook-signature'] = webhookSignature(ports.signingSecret, { id: attempt.id, sentS, body: body.text });
    return { url: url.href, method, headers, body: body.text };
  }

  #body({ notices }: Attempt, values: TemplateValues): { contentType: string; text: string } | null {
    const { method, body, recoveryBody } = this.#options;
    const isRecovery = recoveryBody !== null && alertText(notices).status === 'resolved';
    const form = isRecovery ? recoveryBody : body;
    if (form !== null) {
      const { contentType, template } = form;
      return { contentType, text: renderTemplate(template, values, writerFor(contentType)) };
    }
    if (method === 'GET') return null;
    const payload = notices.length === 1 ? webhookPayload(notices[0]) : digestPayload(notices);
    return { contentType: 'application/json', text: JSON.stringify(payload) };
  }
}

/** What no answer may show of URL and headers. */
function secretsOf({ url, headers }: WebhookOptions): string[] {
  const filled = new URL(renderTemplate(url, sampleValues[1]!, writeInUrl));
  const literals = url.filter((part) => typeof part === 'string').join('/');
  const pieces = literals.replace(/^https?:\/\/[^/?#]*/i, '').split(/[/?&=#]/);
  const values = [basicAuthorization(filled), ...[...headers.values()].flat()];
  const texts = values.flatMap((value) => (typeof value === 'string' ? [value.trim()] : []));
  return [
    ...secretsOfUrl(filled),
    ...pieces.filter((piece) => piece.length >= tokenMinLength),
    ...texts,
    ...texts.flatMap((text) => text.split(/[\s,;=]+/)).filter((word) => word.length >= tokenMinLength),
    ...texts.flatMap(credentialsIn),
  ];
}

/** User and password of Basic authorization. */
function credentialsIn(header: string): string[] {
  const encoded = /^Basic\s+(\S+)$/i.exec(header)?.[1];
  if (encoded === undefined) return [];
  const [user = '', ...password] = Buffer.from(encoded, 'base64').toString('utf8').split(':');
  return [encoded, user, password.join(':')];
}
