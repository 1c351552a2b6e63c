import { once } from 'node:events';
import { Agent, request as httpRequest } from 'node:http';
import { type ClientHttp2Session, connect } from 'node:http2';

/** A request as bytes; `body` null: none is announced. */
export type RawRequest = {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: Uint8Array | null;
  /** HTTP/1.1: without a content-length. */
  chunked?: boolean;
};

/** Everything of an answer that clients can tell apart, without the date. */
export type RawAnswer = {
  status: number;
  headers: Record<string, unknown>;
  body: string;
  trailers: Record<string, unknown>;
  rstCode?: number;
};

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

/** Sends a request over HTTP/1.1. */
export async function overHttp1(port: number, raw: RawRequest): Promise<RawAnswer> {
  const { method, path, body } = raw;
  const length = raw.chunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': String(body?.length) };
  const headers = { ...raw.headers, ...(body === null ? {} : length) };
  const request = httpRequest({ host: '127.0.0.1', port, method, path, headers, agent });
  // An answer may come before the body has gone out.
  request.on('error', () => {});
  if (body !== null && raw.chunked) {
    request.write(body.subarray(0, 3));
    request.end(body.subarray(3));
  } else {
    request.end(body ?? undefined);
  }
  const [response] = await once(request, 'response');
  const chunks: Buffer[] = await response.toArray();
  const { date: _date, ...rest } = response.headers;
  const text = Buffer.concat(chunks).toString('latin1');
  return { status: response.statusCode, headers: rest, body: text, trailers: response.trailers };
}

/** Closes the connections that were kept. */
export function closeAgent(): void {
  agent.destroy();
}

/** Sends a request over HTTP/2. */
export async function overHttp2(session: ClientHttp2Session, raw: RawRequest): Promise<RawAnswer> {
  const { method, path, headers, body } = raw;
  const stream = session.request({ ':method': method, ':path': path, ...headers }, { endStream: body === null });
  stream.on('error', () => {});
  const answer: RawAnswer = { status: 0, headers: {}, body: '', trailers: {} };
  stream.on('response', ({ date: _date, ':status': status, ...rest }) => {
    answer.status = Number(status);
    answer.headers = plain(rest);
  });
  stream.on('trailers', (trailers) => {
    answer.trailers = plain(trailers);
  });
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  if (body !== null) stream.end(body);
  await once(stream, 'close');
  answer.body = Buffer.concat(chunks).toString('latin1');
  answer.rstCode = stream.rstCode;
  return answer;
}

export async function openHttp2(url: string): Promise<ClientHttp2Session> {
  const session = connect(url);
  await once(session, 'connect');
  return session;
}

function plain(headers: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(headers));
}
