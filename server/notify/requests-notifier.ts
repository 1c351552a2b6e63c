import type { NotifierPorts } from './channel-kind.ts';
import type { HttpAttemptOptions, HttpRequest } from './http-attempt.ts';
import type { Attempt, Notifier, Verdict } from './notifier.ts';
import { Redactor } from './redactor.ts';

const timeoutMs = 10_000;

export type RequestsNotifierOptions = {
  ports: Pick<NotifierPorts, 'http'>;
  /** What no verdict may show. */
  secrets: readonly string[];
  /** Rounds of requests: those of one go out together, the next when all of them were taken. At most two rounds. */
  requests: (attempt: Attempt) => HttpRequest[][];
  judge?: HttpAttemptOptions['judge'];
};

/**
 * Tells a service that speaks HTTP. It arrived when every request was taken; else all of them are made again, so they must
 * be such that a receiver takes them twice.
 */
export class RequestsNotifier implements Notifier {
  readonly #ports: Pick<NotifierPorts, 'http'>;
  readonly #redactor: Redactor;
  readonly #requests: RequestsNotifierOptions['requests'];
  readonly #judge: RequestsNotifierOptions['judge'];

  constructor({ ports, secrets, requests, judge }: RequestsNotifierOptions) {
    this.#ports = ports;
    this.#redactor = new Redactor(secrets);
    this.#requests = requests;
    this.#judge = judge;
  }

  async send(attempt: Attempt, signal: AbortSignal): Promise<Verdict> {
    let rounds: HttpRequest[][];
    try {
      rounds = this.#requests(attempt);
    } catch {
      return { kind: 'retryable', reason: 'internal', detail: 'the notice could not be written as a request' };
    }
    let last: Verdict = { kind: 'ok', detail: 'there was nothing to send' };
    const options = { timeoutMs, signal, redactor: this.#redactor, ...(this.#judge && { judge: this.#judge }) };
    for (const round of rounds) {
      const verdicts = await Promise.all(round.map((request) => this.#ports.http(request, options)));
      const failed = verdicts.find(({ kind }) => kind !== 'ok');
      if (failed) return failed;
      last = verdicts.at(-1) ?? last;
    }
    return last;
  }
}

/** A POST of JSON. */
export function postJson(url: string, body: object, headers: Record<string, string> = {}): HttpRequest {
  return {
    url,
    method: 'POST',
    headers: { 'user-agent': 'tocsin', 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  };
}
