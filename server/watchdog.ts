import type { Clock, Timer } from './clock.ts';
import { basicAuthorization } from './notify/basic-authorization.ts';
import type { NotifierPorts } from './notify/channel-kind.ts';
import type { HttpRequest } from './notify/http-attempt.ts';
import { Redactor, secretsOfUrl } from './notify/redactor.ts';
import type { Stuck } from './self-watch.ts';

/** Limit of one ping, ms. */
const timeoutMs = 10_000;

type WatchdogLogger = {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
};

export type WatchdogOptions = {
  /** Is requested with GET; http or https, may carry `user:password@`. */
  url: string;
  /** At least `timeoutMs`: one ping at a time. */
  everyMs: number;
  clock: Clock;
  http: NotifierPorts['http'];
  /** What is stuck; null: nothing. */
  stuck: () => Stuck | null;
  logger: WatchdogLogger;
};

/**
 * Tells somebody else that this server is well: pings a URL while nothing is stuck. Whoever watches that URL hears of what
 * this server cannot tell, its own death included.
 */
export class Watchdog {
  readonly #options: WatchdogOptions;
  readonly #request: HttpRequest;
  readonly #redactor: Redactor;
  readonly #abort = new AbortController();
  #timer: Timer | undefined;
  #isStuck = false;
  #fails = false;

  constructor(options: WatchdogOptions) {
    this.#options = options;
    const url = new URL(options.url);
    const authorization = basicAuthorization(url);
    this.#redactor = new Redactor([authorization.slice('Basic '.length), ...secretsOfUrl(url)]);
    url.username = '';
    url.password = '';
    url.hash = '';
    const headers = { 'user-agent': 'tocsin', ...(authorization === '' ? {} : { authorization }) };
    this.#request = { url: url.href, method: 'GET', headers, body: null };
  }

  /** Pings now, and then every `everyMs`. */
  start(): void {
    const { clock, everyMs, stuck } = this.#options;
    this.#timer = clock.after(everyMs, () => this.start());
    const what = stuck();
    this.#noteStuck(what);
    if (!what) void this.#ping();
  }

  /** Ends it; a ping that is under way is cut off. */
  stop(): void {
    this.#timer?.cancel();
    this.#abort.abort();
  }

  async #ping(): Promise<void> {
    const { signal } = this.#abort;
    const verdict = await this.#options.http(this.#request, { timeoutMs, signal, redactor: this.#redactor });
    if (signal.aborted) return;
    const { logger } = this.#options;
    if (verdict.kind === 'ok') {
      if (this.#fails) logger.info({}, 'TOCSIN_WATCHDOG_URL answers again');
    } else if (!this.#fails) {
      const { reason, detail } = verdict;
      logger.warn(
        { reason, detail },
        'TOCSIN_WATCHDOG_URL does not answer: whoever watches it will think that all is lost',
      );
    }
    this.#fails = verdict.kind !== 'ok';
  }

  #noteStuck(what: Stuck | null): void {
    const { logger } = this.#options;
    if (what && !this.#isStuck) logger.error(what, 'stuck: TOCSIN_WATCHDOG_URL is not pinged');
    if (!what && this.#isStuck) logger.info({}, 'not stuck any more: TOCSIN_WATCHDOG_URL is pinged again');
    this.#isStuck = what !== null;
  }
}
