import type { DescMessage } from '@bufbuild/protobuf';
import { shortEnumName } from '../../service/field-hint.ts';
import { isoTime } from './iso-time.ts';
import { type JsonWriter, JsonWriters, type Seconds } from './json-writer.ts';

const writers = new JsonWriters({
  key: (field) => field.name,
  omitsDefaults: false,
  enumText: (descriptor, { name }) => shortEnumName(descriptor, name),
  long: writeLong,
  timestamp: writeTimestamp,
  duration: writeDuration,
});

/**
 * The REST form of a message's JSON: proto field names, every field present (null for unset messages and unset
 * optionals), 64-bit integers as numbers up to 2^53, enums by their short name ("up"), times in RFC 3339 with
 * milliseconds.
 */
export function restJson(descriptor: DescMessage): JsonWriter {
  return writers.of(descriptor);
}

/** Beyond 2^53 a JSON number would be rounded by most readers, so it becomes a string. */
function writeLong(value: bigint): string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? String(number) : `"${value}"`;
}

function writeTimestamp({ seconds = 0n, nanos = 0 }: Seconds): string {
  return `"${isoTime(Number(seconds) * 1000 + Math.floor(nanos / 1e6))}"`;
}

function writeDuration({ seconds = 0n, nanos = 0 }: Seconds): string {
  const fraction = nanos === 0 ? '' : `.${String(Math.abs(nanos)).padStart(9, '0').replace(/0+$/, '')}`;
  const sign = seconds < 0n || nanos < 0 ? '-' : '';
  return `"${sign}${seconds < 0n ? -seconds : seconds}${fraction}s"`;
}
