import type { AddressInfo } from 'node:net';

/** Says where a peer listens, in the form of the product's own log. */
export function announce(address: string | AddressInfo | null): void {
  if (typeof address !== 'object' || address === null) throw new Error('the peer does not listen');
  process.stdout.write(`${JSON.stringify({ msg: 'listening', url: `http://127.0.0.1:${address.port}` })}\n`);
}
