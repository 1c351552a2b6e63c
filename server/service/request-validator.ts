import { create, type DescMessage, type MessageShape, ScalarType } from '@bufbuild/protobuf';
import { type Path, pathToString } from '@bufbuild/protobuf/reflect';
import { createValidator, type Validator, type Violation } from '@bufbuild/protovalidate';
import { Code, type ConnectError } from '@connectrpc/connect';
import { callError, type FieldViolation, quoteInput } from './call-error.ts';
import { cutLists } from './cut-lists.ts';
import { fieldHint, itemHint } from './field-hint.ts';
import { isIgnored, isSecret } from './field-rules.ts';
import { compileRules } from './native-rules.ts';

/** Violations that one error tells about; the rest are left out. */
const maxViolations = 20;

/** A field that holds text, itself or at some depth. */
type TextField = {
  name: string;
  localName: string;
  /** Of a oneof: the local name of that. */
  oneof: string | null;
  /** What it holds under one name: a text or message, a list of them, or a map. */
  holds: 'one' | 'list' | 'map';
  of: TextField[] | null;
};

/**
 * Checks requests against the rules of their proto (protovalidate), and that no text holds a NUL. Fields whose rules are
 * ignored (`IGNORE_ALWAYS`: the items of a batch) are left to whoever handles them.
 */
export class RequestValidator {
  readonly #validator: Validator = createValidator();
  readonly #nativeRules = new Map<DescMessage, ((message: object) => boolean) | null>();
  readonly #textFields = new Map<DescMessage, TextField[]>();

  /** Null when `message` is fine, else INVALID_ARGUMENT with every violation; the message is about the first. */
  check<D extends DescMessage>(schema: D, message: MessageShape<D>): ConnectError | null {
    const keepsRules = this.#nativeRulesOf(schema);
    if (keepsRules?.(message)) return null;
    return this.explain(schema, message);
  }

  /** The same without the short cut for messages that are fine: some 2 µs more. A list that is too long is cut (`cutLists`). */
  explain<D extends DescMessage>(schema: D, message: MessageShape<D>): ConnectError | null {
    cutLists(schema, message);
    const result = this.#validator.validate(schema, message);
    if (result.kind === 'error') throw result.error;
    const nul = findNul(this.#textFieldsOf(schema), message as Record<string, unknown>);
    if (result.kind === 'valid' && nul === null) return null;

    const violations = (result.violations ?? []).slice(0, maxViolations).map((each) => describe(each, message));
    if (nul !== null) violations.push({ field: nul, description: 'must not hold a NUL character' });
    const first = violations[0]!;
    return callError({
      code: Code.InvalidArgument,
      message: first.field === '' ? first.description : `${first.field}: ${first.description}`,
      violations,
    });
  }

  /** Compiles the rules of a message ahead: the first check in a process takes some 50 ms. */
  warmUp(schema: DescMessage): void {
    this.#nativeRulesOf(schema);
    this.explain(schema, create(schema));
  }

  #nativeRulesOf(schema: DescMessage): ((message: object) => boolean) | null {
    let compiled = this.#nativeRules.get(schema);
    if (compiled === undefined) {
      compiled = compileRules(schema);
      this.#nativeRules.set(schema, compiled);
    }
    return compiled;
  }

  #textFieldsOf(schema: DescMessage): TextField[] {
    const known = this.#textFields.get(schema);
    if (known) return known;
    const fields: TextField[] = [];
    this.#textFields.set(schema, fields);
    for (const field of schema.fields) {
      if (isIgnored(field)) continue;
      const { name, localName, fieldKind } = field;
      const place = { name, localName, oneof: field.oneof?.localName ?? null };
      const holds = fieldKind === 'list' || fieldKind === 'map' ? fieldKind : 'one';
      if (field.scalar === ScalarType.STRING) {
        fields.push({ ...place, holds, of: null });
      } else if (field.message && !field.message.typeName.startsWith('google.protobuf.')) {
        fields.push({ ...place, holds, of: this.#textFieldsOf(field.message) });
      }
    }
    return fields;
  }
}

/** The path of the first text with a NUL in it. */
function findNul(fields: TextField[], message: Record<string, unknown>): string | null {
  for (const { name, localName, oneof, holds, of } of fields) {
    const value = oneof === null ? message[localName] : chosen(message[oneof], localName);
    if (value === undefined) continue;
    const values = holds === 'one' ? [['', value] as const] : Object.entries(value as object);
    for (const [key, each] of values) {
      const path = holds === 'one' ? name : `${name}[${holds === 'list' ? key : JSON.stringify(key)}]`;
      if (of === null) {
        if ((each as string).includes('\0')) return path;
        continue;
      }
      const inner = findNul(of, each as Record<string, unknown>);
      if (inner !== null) return `${path}.${inner}`;
    }
  }
  return null;
}

/** The value of a oneof's field; undefined when another one is set, or none. */
function chosen(oneof: unknown, localName: string): unknown {
  const { case: name, value } = oneof as { case: string | undefined; value?: unknown };
  return name === localName ? value : undefined;
}

function describe(violation: Violation, message: object): FieldViolation {
  return { field: pathToString(violation.field), description: describeRule(violation, message) };
}

function describeRule(violation: Violation, message: object): string {
  const value = valueAt(message, violation.field);
  const field = violation.field.findLast((step) => step.kind === 'field');
  const isItem = violation.field.at(-1)?.kind === 'list_sub';
  switch (violation.ruleId) {
    case 'required':
    case 'string.min_bytes':
      if (isItem && value === '') return 'must not be empty';
      if (value === '' || value === undefined) return 'is required';
      return violation.message;
    case 'string.max_bytes':
      return `${violation.message}; got ${Buffer.byteLength(value as string)} bytes`;
    case 'repeated.min_items':
      return `${field ? fieldHint(field) : violation.message}; got ${(value as unknown[]).length}`;
    case 'repeated.max_items':
      // How many there were is not known: reading stopped at one too many.
      return `${field ? fieldHint(field) : violation.message}; got more`;
    case 'repeated.unique':
      return `must not hold the same item twice; got ${quoteInput(firstRepeated(value as unknown[]))} twice`;
  }
  if (!field) return violation.message;
  const text = isItem && field.fieldKind === 'list' ? itemHint(field) : fieldHint(field);
  return typeof value === 'object' || value === undefined || isSecret(field)
    ? text
    : `${text}; got ${quoteInput(value)}`;
}

function firstRepeated(items: readonly unknown[]): unknown {
  return items.find((item, index) => items.indexOf(item) < index);
}

function valueAt(message: object, path: Path): unknown {
  let value: unknown = message;
  for (const step of path) {
    if (value === undefined || value === null) return undefined;
    if (step.kind === 'list_sub') value = (value as unknown[])[step.index];
    else if (step.kind === 'map_sub') value = (value as Record<string, unknown>)[String(step.key)];
    else if (step.kind === 'field' && !step.oneof) value = (value as Record<string, unknown>)[step.localName];
    else if (step.kind === 'field')
      value = (value as Record<string, { value?: unknown }>)[step.oneof!.localName]?.value;
    else return undefined;
  }
  return value;
}
