import { type DescField, type DescMessage, fromBinary, type Message, ScalarType } from '@bufbuild/protobuf';
import { listReadMax } from '../../service/field-rules.ts';
import { blankMessage } from './blank-message.ts';
import { ByteSource } from './byte-source.ts';

/** Reads a message from protobuf's binary form. Throws what `fromBinary` throws. */
export type BinaryReader = (bytes: Uint8Array) => Message;

type Fields = Record<string, unknown>;
/** Reads a message that ends at `end`; undefined: not sure. */
type ReadMessage = (source: ByteSource, end: number) => Fields | undefined;
/** Reads a value; undefined: not sure. */
type ReadValue = (source: ByteSource) => unknown;
type FieldReader = { localName: string; kind: 'scalar' | 'message' | 'list'; read: ReadValue; maxRead: number };

const readers = new WeakMap<DescMessage, BinaryReader>();

/**
 * Reads what `fromBinary` reads. Compiled once per descriptor, for what clients usually send; the rest is left to
 * protobuf-es: unknown fields (they are to be kept), a message that comes in parts, bytes that end early or are no UTF-8,
 * numbers that are negative or beyond 2^53, and types that are not known here. Of a list that is too long (`listReadMax`) the
 * rest is passed over.
 */
export function binaryReader(descriptor: DescMessage): BinaryReader {
  let reader = readers.get(descriptor);
  if (!reader) {
    const read = compile(descriptor, new Set());
    reader = (bytes) =>
      (read(new ByteSource(bytes), bytes.length) as Message | undefined) ?? fromBinary(descriptor, bytes);
    readers.set(descriptor, reader);
  }
  return reader;
}

/** `outer`: the messages that are being compiled. One that contains itself is left to protobuf-es, which bounds the depth. */
function compile(descriptor: DescMessage, outer: Set<DescMessage>): ReadMessage {
  const inner = new Set([...outer, descriptor]);
  const byTag: (FieldReader | undefined)[] = [];
  for (const field of descriptor.fields) {
    const read = compileValue(field, inner);
    if (read === null) continue;
    const kind = field.fieldKind === 'list' ? 'list' : field.message ? 'message' : 'scalar';
    const maxRead = listReadMax(field);
    byTag[field.number * 8 + wireTypeOf(field)] = { localName: field.localName, kind, read, maxRead };
  }
  const fresh = blankMessage(descriptor);
  return (source, end) => {
    const message = fresh();
    while (source.at < end) {
      const field = byTag[source.varint()];
      if (field === undefined) return undefined;
      if (field.kind === 'list') {
        const list = message[field.localName] as unknown[];
        if (list.length >= field.maxRead) {
          if (source.skip() < 0) return undefined;
          continue;
        }
        const item = field.read(source);
        if (item === undefined) return undefined;
        list.push(item);
        continue;
      }
      const value = field.read(source);
      if (value === undefined) return undefined;
      if (field.kind === 'message' && message[field.localName] !== undefined) return undefined;
      else message[field.localName] = value;
    }
    return source.at === end ? message : undefined;
  };
}

function wireTypeOf({ message, scalar }: DescField): number {
  if (message || scalar === ScalarType.STRING || scalar === ScalarType.BYTES) return lengthDelimited;
  return scalar === ScalarType.DOUBLE ? eightBytes : varint;
}

/** Wire types. */
const varint = 0;
const eightBytes = 1;
const lengthDelimited = 2;

/** Null for a type that is not known. */
function compileValue(field: DescField, outer: Set<DescMessage>): ReadValue | null {
  if (field.fieldKind === 'map' || field.oneof) return null;
  if (field.message) return compileMessage(field.message, outer);
  if (field.scalar === ScalarType.STRING) return (source) => source.text();
  if (field.scalar === ScalarType.BYTES) return (source) => source.bytes();
  // Numbers in lists are packed.
  if (field.fieldKind === 'list') return null;
  if (field.enum) return field.enum.open ? compileInteger(2 ** 31 - 1) : null;
  switch (field.scalar) {
    case ScalarType.DOUBLE:
      return (source) => source.double();
    case ScalarType.BOOL:
      return (source) => {
        const value = source.varint();
        return value < 0 ? undefined : value !== 0;
      };
    case ScalarType.INT32:
      return compileInteger(2 ** 31 - 1);
    case ScalarType.UINT32:
      return compileInteger(2 ** 32 - 1);
    case ScalarType.INT64:
    case ScalarType.UINT64:
      return (source) => {
        const value = source.varint();
        return value < 0 ? undefined : BigInt(value);
      };
    default:
      return null;
  }
}

function compileInteger(max: number): ReadValue {
  return (source) => {
    const value = source.varint();
    return value < 0 || value > max ? undefined : value;
  };
}

function compileMessage(descriptor: DescMessage, outer: Set<DescMessage>): ReadValue | null {
  // Some of them have another form in memory.
  if (descriptor.typeName.startsWith('google.protobuf.') && !plainTypes.includes(descriptor.typeName)) return null;
  if (outer.has(descriptor)) return null;
  const read = compile(descriptor, outer);
  return (source) => {
    const length = source.varint();
    return length < 0 ? undefined : read(source, source.at + length);
  };
}

const plainTypes = ['google.protobuf.Timestamp', 'google.protobuf.Duration', 'google.protobuf.FieldMask'];
