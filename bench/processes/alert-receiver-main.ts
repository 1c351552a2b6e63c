import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

// Takes alerts, notes when each came, and answers at once. Asked by its parent, it hands over what it has.

/** Alerts that are kept; all are counted. */
const keptMax = 100_000;

export type ReceivedAlert = {
  name: string;
  type: string;
  /** When it came, and when the server says that it made it; Unix ms. */
  atMs: number;
  madeMs: number;
};

export type ReceivedAlerts = { kind: 'alerts'; count: number; alerts: ReceivedAlert[] };

let count = 0;
let alerts: ReceivedAlert[] = [];

const server = createServer((request, response) => {
  const atMs = Date.now();
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    response.writeHead(204).end();
    const { type, timestamp, data } = JSON.parse(Buffer.concat(chunks).toString());
    count += 1;
    if (alerts.length < keptMax) alerts.push({ name: data.name ?? '', type, atMs, madeMs: Date.parse(timestamp) });
  });
});
server.listen(0, '127.0.0.1', () => process.send!({ kind: 'listening', port: (server.address() as AddressInfo).port }));

process.on('message', () => {
  process.send!({ kind: 'alerts', count, alerts } satisfies ReceivedAlerts);
  alerts = [];
});
process.on('disconnect', () => process.exit());
