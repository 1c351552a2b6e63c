import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

export type ReceivedAlert = {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  /** Parsed JSON body; null when there was none. */
  body: {
    type: string;
    timestamp: string;
    text: string;
    data: Record<string, unknown> & { name: string };
  } | null;
  text: string;
};

/** How to answer an attempt: a status, one with headers, or `hang` (never), or `drop` (close the connection). */
export type Answer = number | { status: number; headers: Record<string, string> } | 'hang' | 'drop';

/** A webhook receiver on a free port that remembers every attempt. */
export class AlertReceiver {
  readonly attempts: (ReceivedAlert & { answered: Answer })[] = [];
  /** Decides the answer to each attempt; 200 unless set. */
  answer: (alert: ReceivedAlert) => Answer = () => 200;
  #watchers = new Set<() => void>();
  readonly #server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      const body = text === '' ? null : JSON.parse(text);
      const alert = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body, text };
      const answered = this.answer(alert);
      this.attempts.push({ ...alert, answered });
      if (typeof answered === 'number') response.writeHead(answered).end('thanks');
      else if (answered === 'drop') request.socket.destroy();
      else if (answered !== 'hang') response.writeHead(answered.status, answered.headers).end();
      for (const watcher of this.#watchers) watcher();
    });
  });

  /** Listens; `port` to come back where it was. */
  async listen(port = 0): Promise<this> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/hook`;
  }

  /** Alerts that were answered with a 2xx, in order. */
  get accepted(): ReceivedAlert[] {
    return this.attempts.filter(({ answered }) => typeof answered === 'number' && answered >= 200 && answered < 300);
  }

  /** Resolves when `condition` holds; rejects after `limitMs` with what was received. */
  async until(condition: () => boolean, limitMs = 60_000): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve, reject) => {
      const limit = setTimeout(() => {
        this.#watchers.delete(check);
        const seen = this.attempts.map(
          ({ body, url, answered }) => `${body?.type ?? url} ${body?.data.name} ${answered}`,
        );
        reject(new Error(`not within ${limitMs} ms; received: ${seen.join('; ') || 'nothing'}`));
      }, limitMs);
      const check = (): void => {
        if (!condition()) return;
        clearTimeout(limit);
        this.#watchers.delete(check);
        resolve();
      };
      this.#watchers.add(check);
    });
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** Throws unless the alert carries a valid Standard Webhooks signature. */
export function verifySignature(alert: ReceivedAlert, secret: string): void {
  new Webhook(secret).verify(alert.text, alert.headers as Record<string, string>);
}
