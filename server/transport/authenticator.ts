import { hash, timingSafeEqual } from 'node:crypto';
import { Code, ConnectError } from '@connectrpc/connect';

/** Checks the one static token; without a token everything is allowed. */
export class Authenticator {
  readonly #expected: Buffer | null;

  constructor(token: string | undefined) {
    this.#expected = token === undefined ? null : digest(token);
  }

  /** Whether callers need no token. */
  get isOpen(): boolean {
    return this.#expected === null;
  }

  /** Checks an `Authorization: Bearer <token>` header; null when the caller is allowed, else UNAUTHENTICATED. */
  check(authorization: string | null | undefined): ConnectError | null {
    if (this.#expected === null || this.#matches(bearerToken(authorization))) return null;
    return unauthenticated(authorization ? 'the token is wrong' : 'a token is missing');
  }

  /** The same, also taking HTTP Basic with the token as password and any user name: what a browser can send. */
  checkPage(authorization: string | undefined): boolean {
    if (this.#expected === null) return true;
    return this.#matches(bearerToken(authorization)) || this.#matches(basicPassword(authorization));
  }

  // Hashing first makes the lengths equal, so neither length nor content shows in the time it takes.
  #matches(token: string | null): boolean {
    return this.#expected !== null && token !== null && timingSafeEqual(digest(token), this.#expected);
  }
}

function unauthenticated(what: string): ConnectError {
  return new ConnectError(`${what}: send "authorization: Bearer <token>"`, Code.Unauthenticated, {
    'www-authenticate': 'Bearer',
  });
}

function bearerToken(authorization: string | null | undefined): string | null {
  return /^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1] ?? null;
}

function basicPassword(authorization: string | undefined): string | null {
  const encoded = /^basic +([A-Za-z0-9+/=]+) *$/i.exec(authorization ?? '')?.[1];
  if (encoded === undefined) return null;
  const credentials = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = credentials.indexOf(':');
  return colon < 0 ? null : credentials.slice(colon + 1);
}

function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}
