import { type DescEnum, type DescField, ScalarType } from '@bufbuild/protobuf';
import { itemRulesOf, rulesOf } from './field-rules.ts';

/** What is valid for fields whose type alone says too little, by full field name. */
const hints: Record<string, string> = {
  'tocsin.v1.PingRequest.frequency': 'must be a whole number and one of W, D, h, m, s, such as 10m, from 1s to 366D',
  'tocsin.v1.PingRequest.grace': 'must be a whole number and one of W, D, h, m, s, such as 2m, from 0s to 366D',
  'tocsin.v1.PingRequest.timestamp': 'must be a whole number of Unix seconds, such as 1767225600',
  'tocsin.v1.PingRequest.duration': 'must be a number of seconds with an s, such as 1.5s, from 0s to 366 days',
  'tocsin.v1.PingBatchRequest.pings': 'must be an array of 1 to 1000 pings',
  'tocsin.v1.Route.name': 'must be 1 to 64 letters, digits, dots, underscores and hyphens',
  'tocsin.v1.Route.steps': 'must be an array of 1 to 10 steps',
  'tocsin.v1.RouteStep.channels': 'must be an array of 1 to 20 names of channels',
  'tocsin.v1.Channel.name': 'must be 1 to 64 letters, digits, dots, underscores and hyphens',
  'tocsin.v1.NtfyChannel.topic': 'must be 1 to 64 letters, digits, underscores and hyphens',
  'tocsin.v1.UpdateChannelRequest.update_mask': 'must be names of fields with commas between them, such as slack',
  'tocsin.v1.UpdateMonitorRequest.update_mask': 'must be names of fields with commas between them, such as grace,tags',
};

const integerRanges: Partial<Record<ScalarType, string>> = {
  [ScalarType.INT32]: 'from -2147483648 to 2147483647',
  [ScalarType.SINT32]: 'from -2147483648 to 2147483647',
  [ScalarType.SFIXED32]: 'from -2147483648 to 2147483647',
  [ScalarType.UINT32]: 'from 0 to 4294967295',
  [ScalarType.FIXED32]: 'from 0 to 4294967295',
  [ScalarType.INT64]: 'from -2^63 to 2^63 - 1',
  [ScalarType.SINT64]: 'from -2^63 to 2^63 - 1',
  [ScalarType.SFIXED64]: 'from -2^63 to 2^63 - 1',
  [ScalarType.UINT64]: 'from 0 to 2^64 - 1',
  [ScalarType.FIXED64]: 'from 0 to 2^64 - 1',
};

/** Says what is valid for a field, as the middle of an error message: "must be a whole number …". */
export function fieldHint(field: DescField): string {
  const hint = hints[`${field.parent.typeName}.${field.name}`];
  if (hint !== undefined) return hint;
  if (field.fieldKind === 'list') return listHint(field);
  if (field.fieldKind === 'map') return mapHint(field);
  return valueHint(rulesOf(field)) ?? singularHint(field);
}

/** The same for one item of a list, or value of a map. */
export function itemHint(field: DescField): string {
  return valueHint(itemRulesOf(field)) ?? singularHint(field);
}

/** The name of an enum value as REST shows it: "up" for MONITOR_STATUS_UP. */
export function shortEnumName(descriptor: DescEnum, valueName: string): string {
  const prefix = descriptor.sharedPrefix ?? '';
  const lower = valueName.toLowerCase();
  return lower.startsWith(prefix) ? lower.slice(prefix.length) : lower;
}

function listHint(field: DescField): string {
  const rules = rulesOf(field)?.type;
  const { minItems: min, maxItems: max } = rules?.case === 'repeated' ? rules.value : { minItems: 0n, maxItems: 0n };
  if (max === 0n) return min === 0n ? 'must be an array' : `must be an array of at least ${min} items`;
  return `must be an array of ${min === 0n ? 'at most' : `${min} to`} ${max} items`;
}

function mapHint(field: DescField): string {
  const rules = rulesOf(field)?.type;
  const max = rules?.case === 'map' ? rules.value.maxPairs : 0n;
  return max === 0n ? 'must be an object' : `must be an object of at most ${max} fields`;
}

/** What rules say about a value, where they say more than its type. */
function valueHint(rules: ReturnType<typeof rulesOf>): string | null {
  switch (rules?.type.case) {
    case 'string': {
      const { in: choices, pattern } = rules.type.value;
      if (choices.length > 0) return `must be ${oneOf(choices.filter((choice) => choice !== ''))}`;
      return pattern === '^[^,]*$' ? 'must be a string of valid Unicode without a comma' : null;
    }
    case 'uint32': {
      const { in: choices, lessThan } = rules.type.value;
      // 0 stands for the default.
      if (choices.length > 0) return `must be ${oneOf(choices.filter((choice) => choice !== 0))}`;
      return lessThan.case === 'lte' ? `must be a whole number from 0 to ${lessThan.value}` : null;
    }
    default:
      return null;
  }
}

/** "a, b or c". */
function oneOf(choices: readonly unknown[]): string {
  return choices.length < 2 ? choices.join() : `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`;
}

function singularHint(field: DescField): string {
  if (field.message) return messageHint(field.message.typeName);
  if (field.enum) return enumHint(field.enum);
  switch (field.scalar) {
    case ScalarType.STRING:
      return 'must be a string of valid Unicode';
    case ScalarType.BOOL:
      return 'must be true or false';
    case ScalarType.BYTES:
      return 'must be base64';
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return 'must be a number';
    default:
      return `must be a whole number ${integerRanges[field.scalar as ScalarType] ?? ''}`.trimEnd();
  }
}

function messageHint(typeName: string): string {
  switch (typeName) {
    case 'google.protobuf.Duration':
      return 'must be a number of seconds with an s, such as 1.5s';
    case 'google.protobuf.Timestamp':
      return 'must be an RFC 3339 time, such as 2026-01-01T00:00:00Z';
    default:
      return 'must be an object';
  }
}

function enumHint(descriptor: DescEnum): string {
  const names = descriptor.values
    .filter((value) => value.number !== 0)
    .map((value) => shortEnumName(descriptor, value.name));
  return `must be one of ${names.join(', ')}`;
}
