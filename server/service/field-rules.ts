import { type DescField, getOption, hasOption } from '@bufbuild/protobuf';
import { type FieldRules, field as fieldRules, Ignore } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';

/** The rules of the proto for a field; null when there are none. */
export function rulesOf(field: DescField): FieldRules | null {
  return hasOption(field, fieldRules) ? getOption(field, fieldRules) : null;
}

/** The rules for the items of a list; null when there are none. */
export function itemRulesOf(field: DescField): FieldRules | null {
  const rules = rulesOf(field)?.type;
  return rules?.case === 'repeated' ? (rules.value.items ?? null) : null;
}

/** Whether the rules within a field are left to whoever handles it, or those of its items. */
export function isIgnored(field: DescField): boolean {
  return rulesOf(field)?.ignore === Ignore.ALWAYS || itemRulesOf(field)?.ignore === Ignore.ALWAYS;
}

/** Whether what a field holds, or a field of its message, is never to be shown: no error repeats it. */
export function isSecret(field: DescField): boolean {
  return [field, ...(field.message?.fields ?? [])].some(({ proto }) => proto.options?.debugRedact ?? false);
}

/**
 * How many items of a list are worth reading: one more than it may have is enough to refuse it, and a body of empty items
 * would keep the thread for a long time.
 */
export function listReadMax(field: DescField): number {
  const rules = rulesOf(field)?.type;
  const max = rules?.case === 'repeated' ? rules.value.maxItems : 0n;
  return max === 0n ? Number.POSITIVE_INFINITY : Number(max) + 1;
}

/** Whether no item of a list can hold a comma, so that several may be given as one text: "a,b". */
export function splitsAtCommas(field: DescField & { fieldKind: 'list' }): boolean {
  if (field.listKind === 'enum') return true;
  const rules = itemRulesOf(field)?.type;
  return rules?.case === 'string' && rules.value.pattern === noComma;
}

/** The pattern of items that hold none. */
const noComma = '^[^,]*$';
