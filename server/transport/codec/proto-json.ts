import { create, type DescField, type DescMessage, toJsonString } from '@bufbuild/protobuf';
import { DurationSchema, Edition, TimestampSchema } from '@bufbuild/protobuf/wkt';
import { isoSecond, isoSecondEnd } from './iso-time.ts';
import { type JsonWriter, JsonWriters, type Seconds } from './json-writer.ts';

const writers = new JsonWriters({
  key: (field) => field.jsonName,
  omitsDefaults: true,
  enumText: (_, { jsonName }) => jsonName,
  long: (value) => `"${value}"`,
  timestamp: writeTimestamp,
  duration: (value) => toJsonString(DurationSchema, create(DurationSchema, value)),
});

const known = new WeakMap<DescMessage, JsonWriter>();

/**
 * Standard ProtoJSON of a message or of the init shape of one: what `toJsonString` makes of it, in a tenth of the time.
 *
 * @throws Error when the message holds a time that has no JSON form.
 */
export function protoJson(descriptor: DescMessage): JsonWriter {
  let writer = known.get(descriptor);
  if (!writer) {
    const isPlain = holdsPlainTypes(descriptor, new Set());
    writer = isPlain
      ? writers.of(descriptor)
      : (message) => toJsonString(descriptor, create(descriptor, message as never));
    known.set(descriptor, writer);
  }
  return writer;
}

/** Whether no type with a JSON form of its own is in a message, but for the two that are written here. */
function holdsPlainTypes(descriptor: DescMessage, seen: Set<DescMessage>): boolean {
  if (seen.has(descriptor)) return true;
  seen.add(descriptor);
  if (descriptor.typeName === TimestampSchema.typeName || descriptor.typeName === DurationSchema.typeName) return true;
  if (descriptor.typeName.startsWith('google.protobuf.') || descriptor.file.edition !== Edition.EDITION_PROTO3)
    return false;
  return descriptor.fields.every((field) => isPlainField(field, seen));
}

function isPlainField(field: DescField, seen: Set<DescMessage>): boolean {
  if (field.enum?.typeName === 'google.protobuf.NullValue') return false;
  return !field.message || holdsPlainTypes(field.message, seen);
}

function writeTimestamp(value: Seconds): string {
  const { seconds = 0n, nanos = 0 } = value;
  const second = Number(seconds);
  const isUsual = second >= 0 && second < isoSecondEnd && nanos >= 0 && nanos < 1e9;
  if (!isUsual) return toJsonString(TimestampSchema, create(TimestampSchema, value));
  if (nanos === 0) return `"${isoSecond(second)}Z"`;
  return `"${isoSecond(second)}.${fraction(nanos)}Z"`;
}

/** Three, six or nine digits. */
function fraction(nanos: number): string {
  if (nanos % 1e6 === 0) return String(nanos / 1e6 + 1000).slice(1);
  if (nanos % 1e3 === 0) return String(nanos / 1e3 + 1e6).slice(1);
  return String(nanos + 1e9).slice(1);
}
