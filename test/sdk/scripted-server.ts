import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** One item of a `PingBatch`, as it came over the wire. */
export type WirePing = Record<string, unknown> & { name: string; beatId: string; status: string };

export type Received = { method: string; path: string; headers: IncomingHttpHeaders; body: string; pings: WirePing[] };

/** What the server does with a request. */
export type Script = (received: Received, response: ServerResponse) => void;

/**
 * A Tocsin server that does what the test tells it to, on a real port. Requests are kept in the order in which they came
 * and can be awaited one by one.
 */
export class ScriptedServer {
  script: Script = applied;
  readonly requests: Received[] = [];
  readonly #server: Server;
  #taken = 0;
  #arrived: (() => void) | undefined;

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', async (request, response) => {
      const body = await text(request);
      const { method = '', url: path = '', headers } = request;
      const received = { method, path, headers, body, pings: pingsOf(body) };
      this.requests.push(received);
      this.#arrived?.();
      this.script(received, response);
    });
  }

  static async start(): Promise<ScriptedServer> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new ScriptedServer(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The next request that was not yet taken. */
  async next(): Promise<Received> {
    while (this.requests.length <= this.#taken) {
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
    return this.requests[this.#taken++]!;
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

function pingsOf(body: string): WirePing[] {
  try {
    return JSON.parse(body).pings;
  } catch {
    return [];
  }
}

export const applied: Script = (received, response) => answerJson(response, 200, appliedAnswer(received));

export function appliedAnswer(received: Received): object {
  return { results: received.pings.map(({ name }) => ({ response: { name, accepted: 'ACCEPTED_APPLIED' } })) };
}

/** Answers each item by its own: an error code, or undefined for applied. */
export function perItem(codeOf: (ping: WirePing) => string | undefined): Script {
  return (received, response) => {
    const results = received.pings.map((ping) => {
      const code = codeOf(ping);
      return code ? { error: { code, message: `because of ${code}` } } : { response: { name: ping.name } };
    });
    answerJson(response, 200, { results });
  };
}

export function failing(status: number, body: object | string = {}): Script {
  return (_, response) => answerJson(response, status, body);
}

export const reset: Script = (_, response) => response.socket?.resetAndDestroy();

export const hang: Script = () => {};

function answerJson(response: ServerResponse, status: number, body: object | string): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}
