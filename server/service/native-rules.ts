import {
  createRegistry,
  type DescEnum,
  type DescField,
  type DescMessage,
  hasOption,
  isFieldSet,
  type Message,
  ScalarType,
} from '@bufbuild/protobuf';
import {
  type FieldRules,
  file_buf_validate_validate,
  Ignore,
  message as messageRules,
  oneof as oneofRules,
} from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';
import { rulesOf } from './field-rules.ts';

type Rules = Message & Record<string, unknown>;
type Check = (value: never) => boolean;
/** Describes the rules themselves. */
const ruleTypes = createRegistry(file_buf_validate_validate);

type FieldCheck = { localName: string; required: boolean; check: Check };

/**
 * Compiles the rules of a message's proto, and that no text holds a NUL, into a function that says whether a message
 * keeps them all; false also for a duration that is none (1 s and -1 ns), which is not for here to judge. Null when there
 * is a rule that it does not know: protovalidate, which knows them all and says in words what is wrong, takes some ten
 * times as long.
 */
export function compileRules(schema: DescMessage): ((message: object) => boolean) | null {
  return compileMessage(schema, new Set());
}

function compileMessage(schema: DescMessage, outer: Set<DescMessage>): ((message: object) => boolean) | null {
  const ownRules = hasOption(schema, messageRules) || schema.oneofs.some((oneof) => hasOption(oneof, oneofRules));
  if (ownRules || schema.oneofs.length > 0 || outer.has(schema)) return null;
  const inner = new Set([...outer, schema]);
  const checks: FieldCheck[] = [];
  for (const field of schema.fields) {
    const rules = rulesOf(field);
    const required = rules?.required ?? false;
    // What is required of a field that is always there depends on its type.
    if (required && field.fieldKind !== 'message') return null;
    const check = compileField(field, rules, inner);
    if (check === null) return null;
    if (required || check !== always) checks.push({ localName: field.localName, required, check });
  }
  return (message) => {
    for (const { localName, required, check } of checks) {
      const value = (message as Record<string, unknown>)[localName];
      // Other rules say nothing about a field that is not there; fields without presence always are.
      if (value === undefined ? required : !check(value as never)) return false;
    }
    return true;
  };
}

const always: Check = () => true;

function compileField(field: DescField, rules: FieldRules | null, outer: Set<DescMessage>): Check | null {
  if (rules?.ignore === Ignore.ALWAYS) return always;
  if (rules !== null && !holdsOnly(rules as Rules, ['required', rules.type.case ?? ''])) return null;
  const values = (rules?.type.value ?? null) as Rules | null;
  switch (field.fieldKind) {
    case 'scalar':
      return compileScalar(field.scalar, values);
    case 'enum':
      return compileEnum(field, values);
    case 'message':
      if (field.message.typeName === 'google.protobuf.Duration') return compileDuration(values);
      if (values !== null) return null;
      return field.message.typeName.startsWith('google.protobuf.') ? always : compileMessage(field.message, outer);
    case 'list':
      return compileList(field, values, outer);
    case 'map':
      return values === null && field.mapKind !== 'message' ? always : null;
  }
}

function compileScalar(type: ScalarType, rules: Rules | null): Check | null {
  if (type === ScalarType.STRING) return compileText(rules);
  if (rules === null) return always;
  if (![ScalarType.INT32, ScalarType.INT64, ScalarType.UINT32, ScalarType.UINT64].includes(type)) return null;
  if (isSet(rules, 'in')) {
    const choices = new Set(rules.in as (bigint | number)[]);
    return holdsOnly(rules, ['in']) ? (value: bigint | number) => choices.has(value) : null;
  }
  if (!holdsOnly(rules, ['gte', 'lte'])) return null;
  const { greaterThan, lessThan } = rules as Record<string, { value?: bigint | number }>;
  const min = greaterThan?.value ?? Number.NEGATIVE_INFINITY;
  const max = lessThan?.value ?? Number.POSITIVE_INFINITY;
  // The other way round it would mean "outside of".
  if (min > max) return null;
  return (value: bigint | number) => value >= min && value <= max;
}

function compileText(rules: Rules | null): Check | null {
  if (rules === null) return (text: string) => !text.includes('\0');
  if (isSet(rules, 'in')) {
    const choices = new Set(rules.in as string[]);
    return holdsOnly(rules, ['in']) ? (text: string) => choices.has(text) && !text.includes('\0') : null;
  }
  if (!holdsOnly(rules, ['min_bytes', 'max_bytes', 'pattern'])) return null;
  const minBytes = isSet(rules, 'min_bytes') ? Number(rules.minBytes) : 0;
  const maxBytes = isSet(rules, 'max_bytes') ? Number(rules.maxBytes) : Number.POSITIVE_INFINITY;
  const pattern = isSet(rules, 'pattern') ? (rules.pattern as string) : '';
  // The patterns of rules are RE2's; this much of the syntax means the same here.
  if (!/^[\^$()[\]{}|?*+0-9A-Za-z, -]*$/.test(pattern) || pattern.includes('(?')) return null;
  const expression = pattern === '' ? null : new RegExp(pattern);
  return (text: string) => {
    // A UTF-16 unit is one to three bytes of UTF-8, so most lengths need no counting.
    if (text.length < minBytes && Buffer.byteLength(text) < minBytes) return false;
    if (text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes) return false;
    return !text.includes('\0') && (expression === null || expression.test(text));
  };
}

function compileEnum(field: DescField & { enum: DescEnum }, rules: Rules | null): Check | null {
  if (rules === null) return always;
  if (!holdsOnly(rules, ['defined_only']) || rules.definedOnly !== true) return null;
  const defined = new Set(field.enum.values.map(({ number }) => number));
  return (value: number) => defined.has(value);
}

function compileDuration(rules: Rules | null): Check | null {
  if (rules === null) return always;
  if (!holdsOnly(rules, ['gte', 'lte'])) return null;
  type Span = { seconds: bigint; nanos: number };
  const { greaterThan, lessThan } = rules as Record<string, { value?: Span }>;
  const min = greaterThan?.value;
  const max = lessThan?.value;
  if (min && max && isLess(max, min)) return null;
  return (value: Span) => {
    const { seconds, nanos } = value;
    // What is no proper duration is for protovalidate to judge.
    if (Math.abs(nanos) >= 1e9 || (seconds > 0n && nanos < 0) || (seconds < 0n && nanos > 0)) return false;
    return !(min && isLess(value, min)) && !(max && isLess(max, value));
  };
}

function isLess(a: { seconds: bigint; nanos: number }, b: { seconds: bigint; nanos: number }): boolean {
  return a.seconds < b.seconds || (a.seconds === b.seconds && a.nanos < b.nanos);
}

function compileList(
  field: DescField & { fieldKind: 'list' },
  rules: Rules | null,
  outer: Set<DescMessage>,
): Check | null {
  if (rules !== null && !holdsOnly(rules, ['min_items', 'max_items', 'unique', 'items'])) return null;
  const item = compileItem(field, (rules?.items ?? null) as FieldRules | null, outer);
  if (item === null) return null;
  const min = rules && isSet(rules, 'min_items') ? Number(rules.minItems) : 0;
  const max = rules && isSet(rules, 'max_items') ? Number(rules.maxItems) : Number.POSITIVE_INFINITY;
  const unique = rules?.unique === true;
  // Bytes are equal when what they hold is.
  if (unique && (field.listKind === 'message' || field.scalar === ScalarType.BYTES)) return null;
  return (list: never[]) => {
    if (list.length < min || list.length > max) return false;
    if (unique && new Set(list).size < list.length) return false;
    return item === always || list.every(item);
  };
}

function compileItem(
  field: DescField & { fieldKind: 'list' },
  rules: FieldRules | null,
  outer: Set<DescMessage>,
): Check | null {
  if (rules?.ignore === Ignore.ALWAYS) return always;
  if (rules !== null && !holdsOnly(rules as Rules, [rules.type.case ?? ''])) return null;
  const values = (rules?.type.value ?? null) as Rules | null;
  if (field.listKind === 'scalar') return compileScalar(field.scalar, values);
  if (field.listKind === 'enum') return compileEnum(field, values);
  if (values !== null) return null;
  return field.message.typeName.startsWith('google.protobuf.') ? always : compileMessage(field.message, outer);
}

/** Whether no field but those of `names` is set; extensions are rules as well. */
function holdsOnly(rules: Rules, names: readonly string[]): boolean {
  if (rules.$unknown !== undefined && rules.$unknown.length > 0) return false;
  return descriptorOf(rules).fields.every((field) => names.includes(field.name) || !isFieldSet(rules, field));
}

function isSet(rules: Rules, name: string): boolean {
  const field = descriptorOf(rules).fields.find((each) => each.name === name);
  return field !== undefined && isFieldSet(rules, field);
}

function descriptorOf(rules: Rules): DescMessage {
  const descriptor = ruleTypes.getMessage(rules.$typeName);
  if (!descriptor) throw new Error(`${rules.$typeName} is no message of buf.validate`);
  return descriptor;
}
