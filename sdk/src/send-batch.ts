import type { Clock } from './clock.ts';
import type { FetchLike } from './fetch-like.ts';

/** What became of one beat. */
export type ItemOutcome =
  | { kind: 'done' }
  | { kind: 'retry'; code: string; message: string }
  | { kind: 'rejected'; code: string; message: string };

/** What became of one request. */
export type BatchOutcome =
  | { kind: 'answered'; items: ItemOutcome[] }
  /** Nobody can tell what was recorded: send all of it again. */
  | { kind: 'unavailable'; message: string; code?: string; cause?: unknown; smaller?: boolean }
  /** The server does not talk to us: send it again, slowly. */
  | { kind: 'refused'; message: string; code?: string }
  /** The request is wrong as a whole: one of its beats, or its size. */
  | { kind: 'unacceptable'; message: string; code?: string };

export type BatchRequest = {
  url: string;
  headers: Record<string, string>;
  /** The beats, as JSON. */
  items: string[];
  fetch: FetchLike;
  clock: Clock;
  /** Aborted by the owner to give up early, and by `sendBatch` when the time is over. */
  controller: AbortController;
};

/** From the first byte to the last of the answer. */
export const ATTEMPT_MS_MAX = 10_000;
/** 200 answers take a tenth of this. */
const ANSWER_BYTES_MAX = 1_048_576;

/** Codes of Connect that may pass by themselves. */
const passingCodes: ReadonlySet<string> = new Set([
  'unavailable',
  'resource_exhausted',
  'deadline_exceeded',
  'internal',
  'unknown',
  'aborted',
]);

/** Sends beats in one `PingBatch` call. Never rejects, and takes at most `ATTEMPT_MS_MAX`. */
export async function sendBatch(request: BatchRequest): Promise<BatchOutcome> {
  const { clock, controller } = request;
  const { signal } = controller;
  const limit = clock.after(ATTEMPT_MS_MAX, () => {
    controller.abort(new Error(`no answer within ${ATTEMPT_MS_MAX / 1000} s`));
  });
  try {
    // A fetch that was handed in may not heed the signal.
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    const { status, text } = await Promise.race([post(request), aborted]);
    return outcomeOf(status, text, request.items.length);
  } catch (cause) {
    return { kind: 'unavailable', message: failureText(cause), cause };
  } finally {
    limit.cancel();
  }
}

async function post(request: BatchRequest): Promise<{ status: number; text: string }> {
  const response = await request.fetch(request.url, {
    method: 'POST',
    headers: request.headers,
    body: `{"pings":[${request.items.join(',')}]}`,
    // Following would turn the POST into a GET, or carry the token elsewhere.
    redirect: 'manual',
    signal: request.controller.signal,
  });
  return { status: response.status, text: await readText(response) };
}

async function readText(response: { text(): Promise<string>; body?: unknown }): Promise<string> {
  if (!(response.body instanceof ReadableStream)) return await response.text();
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.byteLength;
    if (bytes > ANSWER_BYTES_MAX) {
      reader.cancel().catch(() => {});
      throw new Error(`the answer is longer than ${ANSWER_BYTES_MAX} bytes`);
    }
    text += decoder.decode(value, { stream: true });
  }
}

function outcomeOf(status: number, text: string, count: number): BatchOutcome {
  const answer = parsed(text);
  if (status === 200) {
    const results = answer?.results;
    if (!Array.isArray(results) || results.length !== count) {
      return { kind: 'unavailable', message: 'the answer is not one of a Tocsin server' };
    }
    return { kind: 'answered', items: results.map(itemOutcome) };
  }
  const code = typeof answer?.code === 'string' ? answer.code : undefined;
  const detail = typeof answer?.message === 'string' ? `: ${answer.message.slice(0, 200)}` : '';
  const message = `HTTP ${status}${code ? ` ${code}` : ''}${detail}`;
  if (status === 413 || code === 'invalid_argument') return { kind: 'unacceptable', message, code };
  if (status === 429) return { kind: 'unavailable', message, code, smaller: true };
  const passes = [408, 425, 499].includes(status) || (status >= 500 && status !== 501);
  if (passes || (code !== undefined && passingCodes.has(code))) return { kind: 'unavailable', message, code };
  return { kind: 'refused', message, code };
}

function itemOutcome(result: unknown): ItemOutcome {
  const { response, error } = (result ?? {}) as { response?: unknown; error?: { code?: unknown; message?: unknown } };
  if (error === undefined || error === null) {
    if (typeof response === 'object' && response !== null) return { kind: 'done' };
    return { kind: 'retry', code: 'unknown', message: 'the answer is not one of a Tocsin server' };
  }
  const code = typeof error.code === 'string' && error.code !== '' ? error.code : 'unknown';
  const message = typeof error.message === 'string' ? error.message : '';
  return { kind: passingCodes.has(code) ? 'retry' : 'rejected', code, message };
}

function parsed(text: string): { results?: unknown; code?: unknown; message?: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Node's fetch says "fetch failed" and keeps the reason, such as ECONNREFUSED, in `cause`. */
function failureText(error: unknown): string {
  try {
    const { message, cause } = error as { message?: unknown; cause?: { code?: unknown; message?: unknown } };
    const reason = cause?.code ?? cause?.message;
    return reason === undefined ? String(message ?? error) : `${message} (${reason})`;
  } catch {
    return 'fetch failed';
  }
}
