import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { loadOrCreateSecretFile } from '../secret-file.ts';
import type { BadgeSubject } from './badge-url.ts';

const signatureBytes = 16;

/** Signs the URLs of badges: whoever has one may see this badge, and no other. */
export class BadgeSignatures {
  readonly #key: string;

  /** `key`: a secret that stays, or every badge that was handed out is gone. */
  constructor(key: string) {
    this.#key = key;
  }

  /** 22 characters of base64url. */
  of(subject: BadgeSubject): string {
    return this.#digest(subject).toString('base64url');
  }

  /** In constant time. */
  matches(subject: BadgeSubject, signature: string): boolean {
    const given = Buffer.from(signature, 'base64url');
    return given.length === signatureBytes && timingSafeEqual(given, this.#digest(subject));
  }

  #digest({ kind, name }: BadgeSubject): Buffer {
    return createHmac('sha256', this.#key).update(`${kind}\0${name}`).digest().subarray(0, signatureBytes);
  }
}

/**
 * The key of the file at `path`, which is made when it is missing.
 *
 * @throws Error when the file cannot be read or made, or holds no key. The message does not hold the key.
 */
export function loadOrCreateBadgeKey(path: string): string {
  const key = loadOrCreateSecretFile(path, () => randomBytes(32).toString('base64url'));
  if (!/^[A-Za-z0-9_-]{43}$/.test(key))
    throw new Error(`${path} does not hold a badge key: 43 characters of base64url`);
  return key;
}
