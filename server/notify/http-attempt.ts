import type { Clock } from '../clock.ts';
import { explainFetchFailure } from './fetch-failure.ts';
import type { Verdict } from './notifier.ts';
import type { Redactor } from './redactor.ts';
import { parseRetryAfter } from './retry-after.ts';

const answerMaxBytes = 1024;
const excerptMaxLength = 200;

export type HttpRequest = {
  /** Without credentials: fetch refuses those. */
  url: string;
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  headers: Record<string, string>;
  body: string | null;
};

export type HttpAttemptOptions = {
  /** Limit of the whole exchange, ms. Real time: the receiver's machine does not follow the engine's clock. */
  timeoutMs: number;
  signal: AbortSignal;
  clock: Clock;
  redactor: Redactor;
  /** What a receiver says in its own way (such as a failure with HTTP 200); null: what the status says. `text`: 1 kB at most. */
  judge?: (answer: { status: number; text: string }) => Verdict | null;
};

/**
 * Makes one HTTP request and classifies what comes back: a 2xx is ok, 410 Gone permanent, everything else retryable.
 * Redirects are not followed: a redirected POST would become a GET, and its signature go to a stranger. Of the answer
 * 1 kB is read. Never rejects.
 */
export async function attemptHttp(request: HttpRequest, options: HttpAttemptOptions): Promise<Verdict> {
  const { timeoutMs, signal, clock, redactor } = options;
  const abort = new AbortController();
  const timeout = AbortSignal.timeout(timeoutMs);
  const onAbort = (): void => abort.abort();
  timeout.addEventListener('abort', onAbort);
  signal.addEventListener('abort', onAbort);
  try {
    if (signal.aborted) return aborted();
    const { url, method, headers, body } = request;
    const response = await fetch(url, { method, headers, body, redirect: 'manual', signal: abort.signal });
    const answer = await readStart(response);
    const judged = options.judge?.({ status: response.status, text: answer.text });
    if (judged) return judged;
    return classify(response, { answer, redactor, nowMs: clock.wallMs() });
  } catch (error) {
    if (signal.aborted) return aborted();
    if (timeout.aborted) {
      return { kind: 'retryable', reason: 'timeout', detail: `no complete answer within ${timeoutMs / 1000} s` };
    }
    return { kind: 'retryable', ...explainFetchFailure(error, request.url) };
  } finally {
    timeout.removeEventListener('abort', onAbort);
    signal.removeEventListener('abort', onAbort);
  }
}

function aborted(): Verdict {
  return { kind: 'retryable', reason: 'aborted', detail: 'cut off before the answer' };
}

type Answer = { text: string; truncated: boolean };

function classify(response: Response, context: { answer: Answer; redactor: Redactor; nowMs: number }): Verdict {
  const { status, headers } = response;
  const { answer, redactor, nowMs } = context;
  if (status >= 200 && status < 300) return { kind: 'ok', detail: `HTTP ${status}`, httpStatus: status };
  const failure = { httpStatus: status, detail: `HTTP ${status}${excerpt(answer, redactor)}` };
  if (status >= 300 && status < 400) {
    return { kind: 'retryable', reason: 'redirect', ...failure, detail: `HTTP ${status}: redirects are not followed` };
  }
  if (status === 410) return { kind: 'permanent', reason: 'http_status', ...failure };
  const retryAfterMs =
    status === 429 || status === 503 ? parseRetryAfter(headers.get('retry-after'), nowMs) : undefined;
  return { kind: 'retryable', reason: 'http_status', ...failure, retryAfterMs };
}

/** How the answer begins, as receivers often say what is wrong. */
function excerpt({ text, truncated }: Answer, redactor: Redactor): string {
  const line = redactor
    .redact(text, { truncated })
    .replace(/[\s\p{C}]+/gu, ' ')
    .trim();
  const characters = [...line];
  if (characters.length === 0) return '';
  return `: ${characters.slice(0, excerptMaxLength).join('')}${characters.length > excerptMaxLength ? '…' : ''}`;
}

async function readStart(response: Response): Promise<Answer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  let truncated = false;
  // Leaving the loop cancels the rest.
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    size += chunk.byteLength;
    truncated = size >= answerMaxBytes;
    if (truncated) break;
  }
  const bytes = Buffer.concat(chunks).subarray(0, answerMaxBytes);
  return { text: bytes.toString('utf8'), truncated };
}
