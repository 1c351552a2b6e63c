import type { IncomingMessage } from 'node:http';
import type { DescMethod, Message } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import type { FastifyRequest } from 'fastify';
import { parseJsonObject } from './codec/json-object.ts';
import { readObject } from './codec/read-object.ts';
import { decodeBytes } from './request-text.ts';

/** Whether a request is a unary Connect call with uncompressed JSON: the kind that people write by hand. */
export function isPlainJson(request: FastifyRequest, method: DescMethod): boolean {
  const { headers } = request.raw;
  const encoding = headers['content-encoding'] ?? 'identity';
  return (
    method.methodKind === 'unary' &&
    request.method === 'POST' &&
    encoding === 'identity' &&
    /^application\/json(; ?charset=utf-8)?$/i.test(headers['content-type'] ?? '')
  );
}

/**
 * Reads such a request with the reader of the REST bridge. Connect's own one ignores a misspelt enum value along with
 * unknown fields, so `"status": "fial"` would be recorded as ok; and its errors name no field.
 */
export async function readConnectJson(options: {
  stream: IncomingMessage;
  method: DescMethod;
  maxBodyBytes: number;
}): Promise<Message | ConnectError> {
  try {
    return parseConnectJson(options.method, await readAll(options.stream, options.maxBodyBytes));
  } catch (error) {
    return error instanceof ConnectError ? error : new ConnectError('the caller left', Code.Canceled);
  }
}

/** Parses the body of such a request. */
export function parseConnectJson(method: DescMethod, body: Buffer): Message | ConnectError {
  const text = decodeBytes(body);
  if (!text.ok) return new ConnectError(`body: ${text.problem}`, Code.InvalidArgument);
  try {
    return readObject(method.input, parseJsonObject(text.text));
  } catch (error) {
    return ConnectError.from(error, Code.Internal);
  }
}

async function readAll(stream: IncomingMessage, maxBodyBytes: number): Promise<Buffer> {
  const declared = Number(stream.headers['content-length'] ?? 0);
  if (declared > maxBodyBytes) throw tooLarge(maxBodyBytes);
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Left open on purpose when it is too long: the answer still has to go out on the same connection.
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) throw tooLarge(maxBodyBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}

function tooLarge(maxBodyBytes: number): ConnectError {
  return new ConnectError(`body: must be at most ${maxBodyBytes} bytes`, Code.ResourceExhausted);
}
