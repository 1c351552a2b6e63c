import { ATTEMPT_MS_MAX } from './send-batch.ts';

export type Endpoint = { url: string; headers: Record<string, string> };

const METHOD_PATH = '/tocsin.v1.HeartbeatService/PingBatch';

/** Where the beats go and with which headers; `problem` says what can not be used, without showing the token. */
export function endpointOf(
  baseUrl: unknown,
  token: unknown,
): { endpoint: Endpoint; problem?: undefined } | { problem: string; endpoint?: undefined } {
  const url = typeof baseUrl === 'string' ? parsedUrl(baseUrl) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) {
    return { problem: 'baseUrl (TOCSIN_URL) must be an absolute http or https URL, such as http://127.0.0.1:4000' };
  }
  if (url.username || url.password) return { problem: 'baseUrl (TOCSIN_URL) must not hold a password; use the token' };
  if (url.search || url.hash) return { problem: 'baseUrl (TOCSIN_URL) must not have a query or a fragment' };
  const headers: Record<string, string> = {
    'Content-Type': 'application/json',
    'Connect-Protocol-Version': '1',
    'Connect-Timeout-Ms': String(ATTEMPT_MS_MAX),
  };
  const secret = typeof token === 'string' ? token.trim() : token;
  if (secret !== undefined && secret !== null && secret !== '') {
    if (typeof secret !== 'string' || !/^[\x21-\x7e]+$/.test(secret)) {
      return { problem: 'token (TOCSIN_TOKEN) must be printable ASCII without spaces' };
    }
    headers.Authorization = `Bearer ${secret}`;
  }
  return { endpoint: { url: `${url.origin}${url.pathname.replace(/\/+$/, '')}${METHOD_PATH}`, headers } };
}

function parsedUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
