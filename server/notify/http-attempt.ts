import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { LookupFunction } from 'node:net';
import type { Clock } from '../clock.ts';
import type { Verdict } from './notifier.ts';
import type { Redactor } from './redactor.ts';
import { explainRequestFailure } from './request-failure.ts';
import { parseRetryAfter } from './retry-after.ts';

const answerMaxBytes = 1024;
const answerMaxLength = 500;
const excerptMaxLength = 200;
/** Of a host with several addresses, each but the last has so long to accept, ms. Node's default, 250, is too short for some. */
const perAddressMs = 1_000;

export type HttpRequest = {
  /** http or https, without credentials. */
  url: string;
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Without control characters; sent as UTF-8. */
  headers: Record<string, string>;
  body: string | null;
};

export type HttpAttemptOptions = {
  /** Limit of the whole exchange, ms. Real time: the receiver's machine does not follow the engine's clock. */
  timeoutMs: number;
  signal: AbortSignal;
  redactor: Redactor;
  /**
   * What a receiver says in its own way (such as a failure with HTTP 200); null: what the status says. `text`: how the
   * answer begins, 1 kB at most, without secrets.
   */
  judge?: (answer: { status: number; text: string }) => Verdict | null;
};

/** What an attempt uses of the world. */
export type HttpAttemptWorld = {
  clock: Clock;
  /** @throws EgressError when there must be no request to this host, a name or an address without brackets. */
  admit: (host: string) => void;
  /** Looks up names. */
  lookup: LookupFunction;
};

/**
 * Makes one HTTP request, over a connection of its own, and classifies what comes back: a 2xx is ok, 410 Gone permanent,
 * everything else retryable. Redirects are not followed: a redirected POST would become a GET, and its signature go to a
 * stranger. Of the answer 1 kB is read. Never rejects.
 */
export async function attemptHttp(
  request: HttpRequest,
  options: HttpAttemptOptions,
  world: HttpAttemptWorld,
): Promise<Verdict> {
  const { timeoutMs, signal } = options;
  const abort = new AbortController();
  const timeout = AbortSignal.timeout(timeoutMs);
  const onAbort = (): void => abort.abort();
  timeout.addEventListener('abort', onAbort);
  signal.addEventListener('abort', onAbort);
  try {
    if (signal.aborted) return aborted();
    const answer = await Promise.race([exchange(request, world, abort.signal), whenAborted(abort.signal)]);
    return verdictOf(answer, options, world.clock.wallMs());
  } catch (error) {
    if (signal.aborted) return aborted();
    if (timeout.aborted) {
      return { kind: 'retryable', reason: 'timeout', detail: `no complete answer within ${timeoutMs / 1000} s` };
    }
    return { kind: 'retryable', ...explainRequestFailure(error) };
  } finally {
    // Ends what of the exchange goes on, such as the rest of an answer.
    abort.abort();
    timeout.removeEventListener('abort', onAbort);
    signal.removeEventListener('abort', onAbort);
  }
}

function aborted(): Verdict {
  return { kind: 'retryable', reason: 'aborted', detail: 'cut off before the answer' };
}

/** Rejects when the exchange is to end: whatever becomes of its connection, somebody waits for the verdict. */
function whenAborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => reject(signal.reason));
  // When the exchange was first, nobody looks.
  promise.catch(() => {});
  return promise;
}

type Answer = { status: number; retryAfter: string | null; text: string; truncated: boolean };

function exchange(request: HttpRequest, world: HttpAttemptWorld, signal: AbortSignal): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const url = new URL(request.url);
  world.admit(url.hostname.replace(/^\[|\]$/g, ''));
  const body = request.body === null ? null : Buffer.from(request.body, 'utf8');
  const options = {
    method: request.method,
    headers: headersOf(request, body),
    // A connection that idled since the last alert may be dead, which shows only when it is used.
    agent: false as const,
    lookup: world.lookup,
    autoSelectFamilyAttemptTimeout: perAddressMs,
    signal,
  };
  const outgoing = url.protocol === 'https:' ? requestHttps(url, options) : requestHttp(url, options);
  let isAnswered = false;
  outgoing.on('response', (incoming) => {
    isAnswered = true;
    incoming.on('error', reject);
    readStart(incoming).then(resolve, reject);
  });
  // Nothing was asked for that a connection could be switched to; Node hands it over, and forgets it.
  outgoing.on('upgrade', ({ statusCode = 101 }, socket) => {
    socket.destroy();
    resolve({ status: statusCode, retryAfter: null, text: '', truncated: false });
  });
  outgoing.on('error', reject);
  outgoing.on('close', () => {
    if (!isAnswered) reject(new Error('closed without an answer'));
  });
  outgoing.end(body);
  return promise;
}

function headersOf({ headers }: HttpRequest, body: Buffer | null): Record<string, string> {
  const sent: Record<string, string> = { accept: '*/*', 'accept-encoding': 'identity' };
  // Node writes each character as a byte.
  for (const [name, value] of Object.entries(headers)) sent[name] = Buffer.from(value, 'utf8').toString('latin1');
  // Node would not say where the body of a GET or DELETE ends.
  if (body !== null) sent['content-length'] = String(body.byteLength);
  return sent;
}

async function readStart(incoming: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size >= answerMaxBytes) break;
  }
  const { statusCode: status = 0, headers } = incoming;
  // What is compressed though nobody asked for it is no text.
  const isText = ['', 'identity'].includes(headers['content-encoding'] ?? '');
  const bytes = Buffer.concat(isText ? chunks : []).subarray(0, answerMaxBytes);
  const truncated = size >= answerMaxBytes;
  return { status, retryAfter: headers['retry-after'] ?? null, text: bytes.toString('utf8'), truncated };
}

function verdictOf(answer: Answer, { redactor, judge }: HttpAttemptOptions, nowMs: number): Verdict {
  const { status, retryAfter, truncated } = answer;
  const text = redactor.redact(answer.text, { truncated });
  const shown = { httpStatus: status, answer: inOneLine(text, answerMaxLength) };
  const judged = judge?.({ status, text });
  if (judged) return { ...shown, ...judged };
  if (status >= 200 && status < 300) return { kind: 'ok', detail: `HTTP ${status}`, ...shown };
  // Receivers often say what is wrong.
  const said = inOneLine(text, excerptMaxLength);
  const failure = {
    reason: 'http_status',
    detail: `HTTP ${status}${said === '' ? '' : `: ${said}`}`,
    ...shown,
  } as const;
  if (status >= 300 && status < 400) {
    return { kind: 'retryable', ...failure, reason: 'redirect', detail: `HTTP ${status}: redirects are not followed` };
  }
  if (status === 410) return { kind: 'permanent', ...failure };
  const retryAfterMs = status === 429 || status === 503 ? parseRetryAfter(retryAfter, nowMs) : undefined;
  return { kind: 'retryable', ...failure, retryAfterMs };
}

/** The beginning of a text, up to so many characters. */
function inOneLine(text: string, maxLength: number): string {
  const characters = [...text.replace(/[\s\p{C}]+/gu, ' ').trim()];
  return characters.length <= maxLength ? characters.join('') : `${characters.slice(0, maxLength - 1).join('')}…`;
}
