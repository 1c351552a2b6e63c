import { randomBytes, randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

const prefix = 'whsec_';
const bytesMin = 24;
const bytesMax = 64;
const generatedBytes = 32;

/** Whether a text is a secret of Standard Webhooks: `whsec_` and the base64 of 24 to 64 bytes. */
export function isWebhookSecret(text: string): boolean {
  if (!text.startsWith(prefix)) return false;
  const encoded = text.slice(prefix.length);
  const bytes = Buffer.from(encoded, 'base64');
  return bytes.toString('base64') === encoded && bytes.length >= bytesMin && bytes.length <= bytesMax;
}

/**
 * The secret that signs webhooks: `configured` if given, otherwise what the file at `path` holds. A file that is missing
 * is made, with a new secret in it, readable by its owner only; two processes that start at once agree on one.
 *
 * @throws Error when the secret is malformed, or the file cannot be read or made. The message does not hold the secret.
 */
export function loadOrCreateWebhookSecret({ configured, path }: { configured: string | null; path: string }): string {
  if (configured !== null) return checked(configured, 'TOCSIN_WEBHOOK_SECRET');
  return checked(readIfExists(path) ?? create(path), path);
}

function create(path: string): string {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${randomUUID()}`;
  try {
    const secret = `${prefix}${randomBytes(generatedBytes).toString('base64')}`;
    writeFileSync(temporary, `${secret}\n`, { mode: 0o600, flag: 'wx', flush: true });
    // Unlike a rename, a link never replaces a file that somebody else made meanwhile.
    linkSync(temporary, path);
    return secret;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return readFileSync(path, 'utf8');
  } finally {
    unlinkIfExists(temporary);
  }
}

function checked(text: string, source: string): string {
  const secret = text.trim();
  if (isWebhookSecret(secret)) return secret;
  throw new Error(`${source} does not hold a webhook secret: it must be ${prefix} and the base64 of 24 to 64 bytes`);
}

function readIfExists(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function unlinkIfExists(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It was not made.
  }
}
