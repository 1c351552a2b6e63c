import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * Serves requests of one kind without the framework: the short way for the many that need nothing special. Returns false,
 * having touched nothing, for every request that it does not fully handle; the common way then serves it.
 */
export type HttpLane = (request: IncomingMessage, response: ServerResponse) => boolean;

/** What a lane answers. */
export type LaneAnswer = { status: number; headers: Record<string, string>; body: string | Uint8Array };

/** Writes the answers of lanes. */
export class LaneWriter {
  #closing = false;

  /** From now on HTTP/1.1 connections are asked to end with the answer. */
  close(): void {
    this.#closing = true;
  }

  /** `content-length` and, while closing, `connection` are added to the headers. */
  write(response: ServerResponse, answer: LaneAnswer): void {
    const { status, headers, body } = answer;
    if (response.destroyed || response.headersSent) return;
    const bytes = Buffer.byteLength(body);
    const lines: (string | number)[] = ['content-length', bytes];
    for (const name in headers) lines.push(name, headers[name]!);
    if (this.#closing && response.req.httpVersionMajor === 1) lines.push('connection', 'close');
    response.writeHead(status, lines as never);
    // As text, small bodies go into the socket together with the headers; and ASCII needs no transcoding on its way.
    if (typeof body !== 'string') response.end(bytes < 4096 ? latin1(body) : body, 'latin1');
    else response.end(body, bytes === body.length ? 'latin1' : 'utf8');
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
