import { basicAuthorization } from '../basic-authorization.ts';
import type { NotifierPorts } from '../channel-kind.ts';
import type { Attempt, Notifier, Verdict } from '../notifier.ts';
import { Redactor, secretsOfUrl } from '../redactor.ts';
import { seconds } from './webhook-payload.ts';

const timeoutMs = 10_000;

/**
 * What `PING_ALERT_METHOD=GET` stands for: requests `PING_ALERT_URI` with `?name=&last_ping=` added to the query that it has.
 * It has no words for a recovery.
 */
export class PlainGetNotifier implements Notifier {
  /** The URI without credentials and fragment. */
  readonly #uri: string;
  readonly #headers: Record<string, string>;
  readonly #redactor: Redactor;
  readonly #http: NotifierPorts['http'];

  /** `uri`: http or https; may carry `user:password@`, which is sent as Basic authorization. */
  constructor({ uri, ports: { http } }: { uri: string; ports: Pick<NotifierPorts, 'http'> }) {
    const url = new URL(uri);
    const authorization = basicAuthorization(url);
    this.#redactor = new Redactor([authorization.slice('Basic '.length), ...secretsOfUrl(url)]);
    url.username = '';
    url.password = '';
    url.hash = '';
    this.#uri = url.href;
    this.#headers = { 'user-agent': 'tocsin', ...(authorization === '' ? {} : { authorization }) };
    this.#http = http;
  }

  async send({ id, notices }: Attempt, signal: AbortSignal): Promise<Verdict> {
    const told = notices.filter(({ type, merged }) => merged || (type !== 'up' && type !== 'closed'));
    const [notice] = told;
    if (notice === undefined) return { kind: 'ok', detail: 'nothing sent: the GET form does not tell of recoveries' };
    const others = new Set(told.map(({ name }) => name)).size - 1;
    const name = others === 0 ? notice.name : `${notice.name} and ${others} more`;
    const query = `name=${encodeURIComponent(name.toWellFormed())}&last_ping=${seconds(notice.lastBeatMs) ?? ''}`;
    // The URI's own query stays as it was written, byte by byte.
    const separator = !this.#uri.includes('?') ? '?' : /[?&]$/.test(this.#uri) ? '' : '&';
    const headers = { ...this.#headers, 'webhook-id': id };
    const request = { url: `${this.#uri}${separator}${query}`, method: 'GET', headers, body: null } as const;
    return this.#http(request, { timeoutMs, signal, redactor: this.#redactor });
  }
}
