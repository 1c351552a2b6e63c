import { createHash } from 'node:crypto';
import { Code } from '@connectrpc/connect';
import { callError } from './call-error.ts';

/**
 * What a page token belongs to: the list, its filters and its order. A token of one scope is refused in another. The size of
 * a page is no part of it.
 */
export type PageScope = readonly (string | number | readonly (string | number)[])[];

/** The token of the page that begins after `key`; '' for null, which is the end. Opaque to clients. */
export function writePageToken(scope: PageScope, key: string | number | null): string {
  return key === null ? '' : Buffer.from(`${tagOf(scope)}${key}`, 'utf8').toString('base64url');
}

/**
 * The key that a page begins after; null for an empty token, the first page.
 *
 * @throws ConnectError INVALID_ARGUMENT for one that was never given out, or with another scope.
 */
export function readPageToken(scope: PageScope, token: string): string | null {
  if (token === '') return null;
  const text = Buffer.from(token, 'base64url').toString('utf8');
  const isOurs = /^[0-9a-f]{12}:/.test(text) && Buffer.from(text, 'utf8').toString('base64url') === token;
  if (!isOurs) throw invalid('must be the next_page_token of an earlier answer, or empty for the first page');
  if (!text.startsWith(tagOf(scope)))
    throw invalid('belongs to a list with other filters or another order; begin anew');
  return text.slice(tagOf(scope).length);
}

/** As `readPageToken`, of a list whose keys are whole numbers. */
export function readNumericPageToken(scope: PageScope, token: string): number | null {
  const key = readPageToken(scope, token);
  if (key === null) return null;
  if (!/^[0-9]{1,15}$/.test(key)) throw invalid('must be the next_page_token of an earlier answer');
  return Number(key);
}

function tagOf(scope: PageScope): string {
  return `${createHash('sha256').update(JSON.stringify(scope)).digest('hex').slice(0, 12)}:`;
}

function invalid(problem: string) {
  return callError({ code: Code.InvalidArgument, message: `page_token: ${problem}`, field: 'page_token' });
}
