import { create, type DescField, type DescMessage, ScalarType, toBinary } from '@bufbuild/protobuf';
import { Edition } from '@bufbuild/protobuf/wkt';
import { ByteSink } from './byte-sink.ts';

/** Turns a message, or the init shape of one, into bytes. */
export type BinaryWriter = (message: object) => Uint8Array;

type Values = Record<string, unknown>;
type Oneof = { case?: string; value?: unknown } | undefined;
/** Appends the fields of a message. */
type Write = (sink: ByteSink, message: Values) => void;
type WriteValue = (sink: ByteSink, value: unknown) => void;
type FieldWriter = { localName: string; oneofName: string | null; hasPresence: boolean; write: WriteValue };

const writers = new WeakMap<DescMessage, BinaryWriter>();

/**
 * The binary form of a message: what `toBinary(create(…))` makes of it, without making the message first. Compiled once
 * per descriptor; values and types that it does not know (see `compileScalar`) are left to protobuf-es.
 */
export function binaryWriter(descriptor: DescMessage): BinaryWriter {
  let writer = writers.get(descriptor);
  if (!writer) {
    const write = compile(descriptor, new Map());
    writer = write === null ? slowWriter(descriptor) : quickWriter(descriptor, write);
    writers.set(descriptor, writer);
  }
  return writer;
}

function slowWriter(descriptor: DescMessage): BinaryWriter {
  return (message) => toBinary(descriptor, create(descriptor, message as Values));
}

function quickWriter(descriptor: DescMessage, write: Write): BinaryWriter {
  const slow = slowWriter(descriptor);
  return (message) => {
    const sink = new ByteSink();
    write(sink, message as Values);
    return sink.isUnsure ? slow(message) : sink.finish();
  };
}

/** Null when there is a type that is not known. `outer`: the messages that are being compiled, which may contain themselves. */
function compile(descriptor: DescMessage, outer: Map<DescMessage, { write: Write }>): Write | null {
  const begun = outer.get(descriptor);
  if (begun) return (sink, message) => begun.write(sink, message);
  if (descriptor.file.edition !== Edition.EDITION_PROTO3) return null;
  const self = { write: (() => {}) as Write };
  outer.set(descriptor, self);
  const fields: FieldWriter[] = [];
  for (const field of descriptor.fields.toSorted((a, b) => a.number - b.number)) {
    const write = compileField(field, outer);
    if (write === null) return null;
    const hasPresence = field.proto.proto3Optional || field.oneof !== undefined;
    fields.push({ localName: field.localName, oneofName: field.oneof?.localName ?? null, hasPresence, write });
  }
  self.write = (sink, message) => {
    for (const { localName, oneofName, hasPresence, write } of fields) {
      const value = oneofName === null ? message[localName] : chosen(sink, message[oneofName] as Oneof, localName);
      if (value === undefined || value === null) continue;
      if (!hasPresence && isDefault(value)) continue;
      write(sink, value);
    }
    if (message.$unknown !== undefined) sink.isUnsure = true;
  };
  return self.write;
}

function isDefault(value: unknown): boolean {
  if (typeof value === 'object') return value instanceof Uint8Array && value.length === 0;
  // -0 is not the default of a double; of an integer it is, and that is left to protobuf-es.
  return value === '' || Object.is(value, 0) || value === 0n || value === false;
}

function chosen(sink: ByteSink, oneof: Oneof, localName: string): unknown {
  if (oneof?.case !== localName) return undefined;
  if (oneof.value === undefined || oneof.value === null) sink.isUnsure = true;
  return oneof.value;
}

/** How a field is written, with its tag; null for a type that is not known. */
function compileField(field: DescField, outer: Map<DescMessage, { write: Write }>): WriteValue | null {
  if (field.fieldKind === 'map') return null;
  const write = field.message ? compileMessage(field.number, field.message, outer) : compileScalar(field);
  if (write === null || field.fieldKind !== 'list') return write;
  // Numbers in lists are packed: left to protobuf-es, because no answer has any.
  if (!field.message && field.scalar !== ScalarType.STRING && field.scalar !== ScalarType.BYTES) return null;
  return (sink, values) => {
    for (const value of values as unknown[]) write(sink, value);
  };
}

function compileMessage(
  number: number,
  descriptor: DescMessage,
  outer: Map<DescMessage, { write: Write }>,
): WriteValue | null {
  if (specialTypes.test(descriptor.typeName)) return null;
  const write = compile(descriptor, outer);
  if (write === null) return null;
  const tag = number * 8 + lengthDelimited;
  return (sink, value) => {
    if (typeof value !== 'object' || value === null) {
      sink.isUnsure = true;
      return;
    }
    sink.varint(tag);
    const start = sink.begin();
    write(sink, value as Values);
    sink.end(start);
  };
}

/** Integers are those that are not negative, up to 2^53 - 1: whatever else comes is left to protobuf-es. */
function compileScalar(field: DescField): WriteValue | null {
  const { number } = field;
  if (field.enum) return compileInteger(number, 2 ** 31 - 1);
  switch (field.scalar) {
    case ScalarType.STRING: {
      const tag = number * 8 + lengthDelimited;
      return (sink, value) => {
        if (typeof value !== 'string') {
          sink.isUnsure = true;
          return;
        }
        sink.varint(tag);
        sink.text(value);
      };
    }
    case ScalarType.BOOL:
      return (sink, value) => {
        if (typeof value !== 'boolean') sink.isUnsure = true;
        sink.varint(number * 8);
        sink.varint(value ? 1 : 0);
      };
    case ScalarType.BYTES:
      return (sink, value) => {
        if (!(value instanceof Uint8Array)) {
          sink.isUnsure = true;
          return;
        }
        sink.varint(number * 8 + lengthDelimited);
        sink.bytes(value);
      };
    case ScalarType.DOUBLE:
      return (sink, value) => {
        if (typeof value !== 'number') sink.isUnsure = true;
        sink.varint(number * 8 + eightBytes);
        sink.double(value as number);
      };
    case ScalarType.INT32:
      return compileInteger(number, 2 ** 31 - 1);
    case ScalarType.UINT32:
      return compileInteger(number, 2 ** 32 - 1);
    case ScalarType.INT64:
    case ScalarType.UINT64:
      return compileLong(number);
    default:
      return null;
  }
}

function compileInteger(number: number, max: number): WriteValue {
  return (sink, value) => {
    if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > max || Object.is(value, -0)) {
      sink.isUnsure = true;
      return;
    }
    sink.varint(number * 8);
    sink.varint(value as number);
  };
}

function compileLong(number: number): WriteValue {
  return (sink, value) => {
    const whole = typeof value === 'bigint' ? Number(value) : -1;
    if (whole < 0 || whole > Number.MAX_SAFE_INTEGER) {
      sink.isUnsure = true;
      return;
    }
    sink.varint(number * 8);
    sink.varint(whole);
  };
}

/** Wire types: of doubles; of text, bytes and messages. */
const eightBytes = 1;
const lengthDelimited = 2;
/** Types whose fields have a form of their own in memory: wrappers, and Struct. */
const specialTypes = /^google\.protobuf\.(Struct|Value|ListValue|\w+Value)$/;
