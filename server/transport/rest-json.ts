import { type DescEnum, type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { base64Encode } from '@bufbuild/protobuf/wire';
import { shortEnumName } from '../service/field-hint.ts';
import { isoTime, quoteJson } from './json-text.ts';

/** Turns a message, or the init shape of one, into JSON text. */
export type RestEncoder = (message: object) => string;

type ValueEncoder = (value: unknown) => string;
type Values = Record<string, unknown>;
type Oneof = { case?: string; value?: unknown } | undefined;

const encoders = new WeakMap<DescMessage, RestEncoder>();

/**
 * The REST form of a message's JSON: proto field names, every field present (null for unset messages and unset
 * optionals), 64-bit integers as numbers up to 2^53, enums by their short name ("up"), times in RFC 3339 with
 * milliseconds. Compiled once per descriptor: it is on the path of every ping.
 */
export function restEncoder(descriptor: DescMessage): RestEncoder {
  const known = encoders.get(descriptor);
  if (known) return known;
  let compiled: RestEncoder | null = null;
  // Registered before it is compiled, so a message may contain itself.
  const encoder: RestEncoder = (message) => {
    compiled ??= compile(descriptor);
    return compiled(message);
  };
  encoders.set(descriptor, encoder);
  return encoder;
}

function compile(descriptor: DescMessage): RestEncoder {
  switch (descriptor.typeName) {
    case 'google.protobuf.Timestamp':
      return (message) => encodeTimestamp(message as Values);
    case 'google.protobuf.Duration':
      return (message) => encodeDuration(message as Values);
  }
  const fields = descriptor.fields.map((field, index) => ({
    prefix: `${index === 0 ? '{' : ','}${JSON.stringify(field.name)}:`,
    read: reader(field),
    encode: fieldEncoder(field),
    absent: absentValue(field),
  }));
  return (message) => {
    let text = fields.length === 0 ? '{' : '';
    for (const field of fields) {
      const value = field.read(message as Values);
      text += field.prefix;
      text += value === undefined || value === null ? field.absent : field.encode(value);
    }
    return `${text}}`;
  };
}

function reader(field: DescField): (message: Values) => unknown {
  const { localName } = field;
  const oneof = field.oneof?.localName;
  if (oneof === undefined) return (message) => message[localName];
  return (message) => {
    const chosen = message[oneof] as Oneof;
    return chosen?.case === localName ? chosen.value : undefined;
  };
}

/** What stands for a field that an init shape leaves out. */
function absentValue(field: DescField): string {
  if (field.fieldKind === 'list') return '[]';
  if (field.fieldKind === 'map') return '{}';
  if (field.fieldKind === 'message' || field.oneof || field.proto.proto3Optional) return 'null';
  if (field.fieldKind === 'enum') return enumEncoder(field.enum)(0);
  switch (field.scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return '""';
    case ScalarType.BOOL:
      return 'false';
    default:
      return '0';
  }
}

function fieldEncoder(field: DescField): ValueEncoder {
  const encode = singularEncoder(field);
  if (field.fieldKind === 'list') return (values) => `[${(values as unknown[]).map(encode).join(',')}]`;
  if (field.fieldKind === 'map') {
    return (map) => {
      const entries = Object.entries(map as Values).map(([key, value]) => `${JSON.stringify(key)}:${encode(value)}`);
      return `{${entries.join(',')}}`;
    };
  }
  return encode;
}

function singularEncoder(field: DescField): ValueEncoder {
  if (field.message) return restEncoder(field.message) as ValueEncoder;
  if (field.enum) return enumEncoder(field.enum);
  switch (field.scalar) {
    case ScalarType.STRING:
      return (value) => quoteJson(value as string);
    case ScalarType.BYTES:
      return (value) => `"${base64Encode(value as Uint8Array)}"`;
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return (value) => (Number.isFinite(value) ? String(value) : JSON.stringify(String(value)));
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return encodeLong;
    default:
      return String;
  }
}

/** Beyond 2^53 a JSON number would be rounded by most readers, so it becomes a string. */
function encodeLong(value: unknown): string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? String(number) : `"${value}"`;
}

function enumEncoder(descriptor: DescEnum): ValueEncoder {
  const names = new Map<number, string>();
  for (const value of descriptor.values) {
    if (!names.has(value.number)) names.set(value.number, JSON.stringify(shortEnumName(descriptor, value.name)));
  }
  return (value) => names.get(value as number) ?? String(value);
}

function encodeTimestamp(value: Values): string {
  const ms = Number(value.seconds ?? 0) * 1000 + Math.floor(Number(value.nanos ?? 0) / 1e6);
  return `"${isoTime(ms)}"`;
}

function encodeDuration(value: Values): string {
  const seconds = BigInt((value.seconds as bigint | undefined) ?? 0n);
  const nanos = Number(value.nanos ?? 0);
  const fraction = nanos === 0 ? '' : `.${String(Math.abs(nanos)).padStart(9, '0').replace(/0+$/, '')}`;
  const sign = seconds < 0n || nanos < 0 ? '-' : '';
  return `"${sign}${seconds < 0n ? -seconds : seconds}${fraction}s"`;
}
