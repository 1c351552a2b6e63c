import { type DescMethod, fromJsonString, type Message } from '@bufbuild/protobuf';
import { base64Decode } from '@bufbuild/protobuf/wire';
import { binaryReader } from '../codec/binary-reader.ts';

/** Reads the query of a Connect GET. Null for whatever is not an uncompressed message that is fine. */
export function readConnectGet(
  method: DescMethod,
  query: string,
  maxBytes: number,
): { message: Message; binary: boolean } | null {
  const parameters = new URLSearchParams(query);
  const encoding = parameters.get('encoding');
  if (encoding !== 'json' && encoding !== 'proto') return null;
  if ((parameters.get('compression') ?? 'identity') !== 'identity') return null;
  const text = parameters.get('message') ?? '';
  const binary = encoding === 'proto';
  try {
    const bytes = parameters.get('base64') === '1' ? base64Decode(text) : null;
    if ((bytes?.length ?? Buffer.byteLength(text)) > maxBytes) return null;
    if (binary) return { message: binaryReader(method.input)(bytes ?? Buffer.from(text)), binary };
    const json = bytes === null ? text : new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return { message: fromJsonString(method.input, json, { ignoreUnknownFields: true }), binary };
  } catch {
    return null;
  }
}
