import { createHmac } from 'node:crypto';

/**
 * The signature of a request as Standard Webhooks have it (https://www.standardwebhooks.com, "v1"): HMAC-SHA256 over id, time
 * and body. With node:crypto, as the library for it has a SHA-256 of its own in JavaScript, which takes 15 ms of the serving
 * thread for a digest of 10,000 monitors.
 *
 * `secret`: `whsec_` and the key in base64; `sentS`: Unix seconds.
 */
export function webhookSignature(
  secret: string,
  { id, sentS, body }: { id: string; sentS: number; body: string },
): string {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  return `v1,${createHmac('sha256', key).update(`${id}.${sentS}.${body}`).digest('base64')}`;
}
