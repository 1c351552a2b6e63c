import type { Notice } from '../../engine/domain/notice.ts';
import { latestOfEach } from '../alert-text.ts';
import { basicAuthorization } from '../basic-authorization.ts';
import type { NotifierPorts } from '../channel-kind.ts';
import type { Attempt, Notifier, Verdict } from '../notifier.ts';
import { cutText } from '../plain-text.ts';
import { Redactor, secretsOfUrl } from '../redactor.ts';
import { type AlertLabels, type AlertmanagerAlert, alertLabels, alertOf } from './alertmanager-alert.ts';

export type AlertmanagerOptions = {
  /** Base of each instance, http or https; may carry `user:password@`, which is sent as Basic authorization. */
  urls: readonly string[];
  /** Added to every alert. */
  labels: AlertLabels;
  ports: Pick<NotifierPorts, 'clock' | 'http'>;
  /** Limit of one request, ms. Default 10,000. */
  timeoutMs?: number;
};

type Instance = { url: string; headers: Record<string, string>; redactor: Redactor };
/** How many alerts of a digest each instance has taken, in order. */
type Progress = { taken: Map<Instance, number>; atMs: number };
type Posting = { latest: readonly Notice[]; taken: Progress['taken']; signal: AbortSignal; timeout: AbortSignal };
type Failure = Exclude<Verdict, { kind: 'ok' }>;

/** Alerts in one request: to write 10,000 at once would hold up the thread for some 100 ms. */
const requestAlertsMax = 500;
/** Another request is not begun after so many times the limit of one: the attempt must end well within its lease. */
const attemptTimeouts = 3;
const detailMaxLength = 300;
/** Incidents of which the labels are remembered. */
const rememberedMax = 100_000;
/** Digests of which it is remembered how far each instance has got, and for how long, ms: what was posted is open for a day. */
const unfinishedMax = 32;
const unfinishedMs = 6 * 3_600_000;

/**
 * Posts alerts to every instance of Alertmanager. All notices of a digest are posted, as an alert each; of several about one
 * monitor the last counts. An attempt is ok when one instance took all of it: instances of a cluster do not share alerts, but
 * what is open is posted to all again soon. An attempt that ends before goes on where the last one got to: a receiver that is
 * slow gets all of it in the end.
 */
export class AlertmanagerNotifier implements Notifier {
  readonly #instances: readonly Instance[];
  readonly #added: AlertLabels;
  readonly #ports: AlertmanagerOptions['ports'];
  readonly #timeoutMs: number;
  /**
   * Labels under which incidents were posted. Severity and tags may change while a monitor is down: then the alert with the
   * old ones must be resolved, as to Alertmanager it is another. After a restart the next refresh fills this.
   */
  readonly #posted = new Map<string, AlertLabels>();
  /** By attempt id: what is not told as a whole. */
  readonly #unfinished = new Map<string, Progress>();

  constructor({ urls, labels, ports, timeoutMs = 10_000 }: AlertmanagerOptions) {
    this.#instances = urls.map(instance);
    this.#added = labels;
    this.#ports = ports;
    this.#timeoutMs = timeoutMs;
  }

  async send({ id, notices }: Attempt, signal: AbortSignal): Promise<Verdict> {
    const latest = latestOfEach(notices);
    const atMs = this.#ports.clock.monotonicMs();
    const before = this.#unfinished.get(id);
    this.#unfinished.delete(id);
    const taken: Progress['taken'] = before && atMs - before.atMs < unfinishedMs ? before.taken : new Map();
    const timeout = AbortSignal.timeout(this.#timeoutMs * attemptTimeouts);
    const ends = await Promise.all(this.#instances.map((to) => this.#postAll(to, { latest, taken, signal, timeout })));
    // Not before: all instances are told which labels were dropped.
    if (ends.some(({ kind }) => kind === 'ok')) for (const notice of latest) this.#remember(notice);
    else if (taken.size > 0) this.#unfinished.set(id, { taken, atMs });
    if (this.#unfinished.size > unfinishedMax) this.#unfinished.delete(this.#unfinished.keys().next().value!);
    return this.#verdict(ends);
  }

  /** Posts to one instance what it has not taken yet, in parts. */
  async #postAll(to: Instance, { latest, taken, signal, timeout }: Posting): Promise<Verdict> {
    let last: Verdict = { kind: 'ok', detail: 'all of it was taken before' };
    for (let from = taken.get(to) ?? 0; from < latest.length; from += requestAlertsMax) {
      if (timeout.aborted) return tooLong(from, latest.length);
      const part = latest.slice(from, from + requestAlertsMax);
      let body: string;
      try {
        body = JSON.stringify(part.flatMap((notice) => this.#alerts(notice)));
      } catch {
        return { kind: 'retryable', reason: 'internal', detail: 'the notice could not be written as an alert' };
      }
      last = await this.#post(to, body, signal);
      if (last.kind !== 'ok') return last;
      taken.set(to, from + part.length);
    }
    return last;
  }

  #post({ url, headers, redactor }: Instance, body: string, signal: AbortSignal): Promise<Verdict> {
    return this.#ports.http({ url, method: 'POST', headers, body }, { timeoutMs: this.#timeoutMs, signal, redactor });
  }

  /** The alert; and, when it was posted under other labels, the end of that one. */
  #alerts(notice: Notice): AlertmanagerAlert[] {
    const nowMs = this.#ports.clock.wallMs();
    const labels = alertLabels(notice, this.#added);
    const alert = alertOf(notice, { labels, nowMs });
    const before = this.#posted.get(notice.incidentId);
    if (!before || sameLabels(before, labels)) return [alert];
    return [alertOf({ ...notice, type: 'closed', atMs: nowMs, recoveredMs: null }, { labels: before, nowMs }), alert];
  }

  #remember(notice: Notice): void {
    if (notice.type === 'test') return;
    this.#posted.delete(notice.incidentId);
    if (notice.type === 'up' || notice.type === 'closed') return;
    this.#posted.set(notice.incidentId, alertLabels(notice, this.#added));
    // The oldest first: a Map keeps the order in which they came.
    if (this.#posted.size > rememberedMax) this.#posted.delete(this.#posted.keys().next().value!);
  }

  #verdict(ends: readonly Verdict[]): Verdict {
    const of = this.#instances.length;
    const failures = ends.filter((end): end is Failure => end.kind !== 'ok');
    const taken = of - failures.length;
    const httpStatus = ends.find(({ kind }) => kind === 'ok')?.httpStatus;
    const [first] = failures;
    if (!first)
      return { kind: 'ok', detail: of === 1 ? `HTTP ${httpStatus}` : `all ${of} instances took it`, httpStatus };
    if (taken > 0)
      return {
        kind: 'ok',
        detail: cutText(`${taken} of ${of} instances took it; ${first.detail}`, detailMaxLength),
        httpStatus,
      };
    if (failures.length === 1) return first;
    const retryable = failures.filter(({ kind }) => kind === 'retryable');
    const waits = retryable.flatMap(({ retryAfterMs }) => retryAfterMs ?? []);
    return {
      ...(retryable[0] ?? first),
      detail: cutText(`none of ${of} instances took it; ${(retryable[0] ?? first).detail}`, detailMaxLength),
      // Only if all of them asked to wait.
      retryAfterMs: waits.length === failures.length ? Math.min(...waits) : undefined,
    };
  }
}

function instance(text: string): Instance {
  const url = new URL(text);
  const authorization = basicAuthorization(url);
  const redactor = new Redactor([authorization.slice('Basic '.length), ...secretsOfUrl(url)]);
  url.username = '';
  url.password = '';
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/api/v2/alerts`;
  const headers = { 'user-agent': 'tocsin', 'content-type': 'application/json' };
  return { url: url.href, headers: authorization === '' ? headers : { ...headers, authorization }, redactor };
}

function tooLong(posted: number, count: number): Verdict {
  return {
    kind: 'retryable',
    reason: 'timeout',
    detail: `${posted} of ${count} alerts were taken in the time there was`,
  };
}

function sameLabels(a: AlertLabels, b: AlertLabels): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
