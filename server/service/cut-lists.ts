import type { DescMessage } from '@bufbuild/protobuf';
import { isIgnored, listReadMax } from './field-rules.ts';

/** A field that is a list with a limit, or holds one at some depth. */
type ListField = { localName: string; many: boolean; max: number; of: ListField[] };

const known = new WeakMap<DescMessage, ListField[]>();

/**
 * Cuts every list of a message that is over its limit to one item too many, so that it is still refused: to judge each of a
 * million items would keep the thread for seconds. Fields whose rules are ignored stay as they are.
 */
export function cutLists(schema: DescMessage, message: object): void {
  cut(listFields(schema), message as Record<string, unknown>);
}

function cut(fields: readonly ListField[], message: Record<string, unknown>): void {
  for (const { localName, many, max, of } of fields) {
    const value = message[localName];
    if (value === undefined) continue;
    const items = (many ? value : [value]) as Record<string, unknown>[];
    if (items.length > max) items.length = max;
    if (of.length > 0) for (const item of items) cut(of, item);
  }
}

function listFields(schema: DescMessage): ListField[] {
  const begun = known.get(schema);
  if (begun) return begun;
  const fields: ListField[] = [];
  known.set(schema, fields);
  for (const field of schema.fields) {
    const { localName, message, fieldKind } = field;
    const many = fieldKind === 'list';
    const max = listReadMax(field);
    if (field.oneof || fieldKind === 'map' || (!many && !message)) continue;
    const of = message && !isIgnored(field) ? listFields(message) : [];
    if (max !== Number.POSITIVE_INFINITY || of.length > 0) fields.push({ localName, many, max, of });
  }
  return fields;
}
