import { Code, ConnectError } from '@connectrpc/connect';
import type { CallerHeaders } from './caller-headers.ts';

const rule = 'without a token, pages of other origins can only ping';

/**
 * PERMISSION_DENIED when a browser sent the request for a page of another origin, which it says in `sec-fetch-site` and in
 * `origin` (https://www.w3.org/TR/fetch-metadata, RFC 6454); null otherwise, and for callers that are no browsers. A page
 * cannot leave these headers out.
 */
export function refuseForeignPage(headers: CallerHeaders): ConnectError | null {
  const site = headers.header('sec-fetch-site');
  if (site === 'cross-site' || site === 'same-site') return denied(`sec-fetch-site: is ${site}; ${rule}`);
  const origin = headers.header('origin');
  if (typeof origin !== 'string' || isOwn(origin, headers.header(':authority') ?? headers.header('host') ?? '')) {
    return null;
  }
  return denied(`origin: is not that of this server; ${rule}`);
}

/** Compared as URLs, for the ports that go without saying. */
function isOwn(origin: string, authority: string): boolean {
  const page = URL.parse(origin);
  return page !== null && page.host !== '' && page.host === URL.parse(`${page.protocol}//${authority}`)?.host;
}

function denied(message: string): ConnectError {
  return new ConnectError(message, Code.PermissionDenied);
}
