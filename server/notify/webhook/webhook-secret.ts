import { randomBytes } from 'node:crypto';
import { loadOrCreateSecretFile } from '../../secret-file.ts';

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
  const make = (): string => `${prefix}${randomBytes(generatedBytes).toString('base64')}`;
  return checked(loadOrCreateSecretFile(path, make), path);
}

function checked(text: string, source: string): string {
  const secret = text.trim();
  if (isWebhookSecret(secret)) return secret;
  throw new Error(`${source} does not hold a webhook secret: it must be ${prefix} and the base64 of 24 to 64 bytes`);
}
