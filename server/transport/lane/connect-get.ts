import type { DescMethod, Message } from '@bufbuild/protobuf';
import { base64Decode } from '@bufbuild/protobuf/wire';
import type { ConnectError } from '@connectrpc/connect';
import { binaryReader } from '../codec/binary-reader.ts';
import { parseConnectJson } from '../connect-json.ts';

/**
 * Reads the query of a Connect GET; of JSON also what is wrong with it. Null for whatever else is not an uncompressed
 * message that is fine.
 */
export function readConnectGet(
  method: DescMethod,
  query: string,
  maxBytes: number,
): { message: Message | ConnectError; binary: boolean } | null {
  const parameters = new URLSearchParams(query);
  const encoding = parameters.get('encoding');
  if (encoding !== 'json' && encoding !== 'proto') return null;
  if ((parameters.get('compression') ?? 'identity') !== 'identity') return null;
  const text = parameters.get('message') ?? '';
  const binary = encoding === 'proto';
  try {
    const bytes = parameters.get('base64') === '1' ? base64Decode(text) : Buffer.from(text);
    if (bytes.length > maxBytes) return null;
    const message = binary ? binaryReader(method.input)(bytes) : parseConnectJson(method, Buffer.from(bytes));
    return { message, binary };
  } catch {
    return null;
  }
}
