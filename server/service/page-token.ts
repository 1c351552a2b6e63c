const prefix = 'after:';

/** The token of the page that starts after `name`. Opaque to clients. */
export function writePageToken(name: string): string {
  return Buffer.from(prefix + name, 'utf8').toString('base64url');
}

/** The name that a page starts after ('' for an empty token: the first page), or null for a token that is not ours. */
export function readPageToken(token: string): string | null {
  if (token === '') return '';
  const text = Buffer.from(token, 'base64url').toString('utf8');
  return text.startsWith(prefix) && writePageToken(text.slice(prefix.length)) === token
    ? text.slice(prefix.length)
    : null;
}
