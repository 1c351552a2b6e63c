import {
  create,
  type DescField,
  type DescMessage,
  type DescOneof,
  fromJson,
  type Message,
  ScalarType,
} from '@bufbuild/protobuf';
import { Code, type ConnectError } from '@connectrpc/connect';
import { callError, quoteInput } from '../../service/call-error.ts';
import { fieldHint, itemHint } from '../../service/field-hint.ts';
import { isSecret, listReadMax, splitsAtCommas } from '../../service/field-rules.ts';
import { readFieldMask } from './field-mask.ts';
import { readEnum, readScalar } from './read-scalar.ts';

type Init = Record<string, unknown>;

/** Fields of one message by the names that requests may use: the proto name and the JSON name. */
const fieldTables = new WeakMap<DescMessage, ReadonlyMap<string, DescField>>();

/** The field that a request means by `key`; undefined when there is none, and then it is to be ignored. */
export function fieldByKey(descriptor: DescMessage, key: string): DescField | undefined {
  let table = fieldTables.get(descriptor);
  if (!table) {
    table = new Map(
      descriptor.fields.flatMap((field) => [[field.jsonName, field] as const, [field.name, field] as const]),
    );
    fieldTables.set(descriptor, table);
  }
  return table.get(key);
}

/**
 * Collects the fields of one message from wherever a request gives them. Every `set…` throws a ConnectError that names
 * the field when its value is wrong or when it was set before.
 */
export class MessageReader {
  readonly #descriptor: DescMessage;
  readonly #path: string;
  readonly #init: Init = {};
  readonly #seen = new Set<DescField>();
  readonly #textLists = new Map<DescField, unknown[]>();

  /** `path` leads error messages to the message within its request: "" or "pings[3].". */
  constructor(descriptor: DescMessage, path = '') {
    this.#descriptor = descriptor;
    this.#path = path;
  }

  /**
   * Sets a field from a parameter: text, as in a query string. A list may come in several parameters, also with commas
   * between items that cannot hold any; empty text is an empty list.
   */
  setText(field: DescField, text: string): void {
    const path = this.#path + field.name;
    if (field.fieldKind === 'list' && !field.message) {
      let items = this.#textLists.get(field);
      if (!items) {
        this.#once(field, path);
        items = [];
        this.#textLists.set(field, items);
        this.#init[field.localName] = items;
      }
      const texts = text === '' ? [] : splitsAtCommas(field) ? text.split(',') : [text];
      for (const each of texts.slice(0, listReadMax(field) - items.length)) {
        items.push(readSingular(field, textValue(field, each), `${path}[${items.length}]`));
      }
      return;
    }
    this.#once(field, path);
    if (field.fieldKind === 'map' || field.fieldKind === 'list' || (field.message && !isTextual(field.message))) {
      throw invalid(path, 'cannot be a parameter: send it in a JSON body');
    }
    this.#assign(field, readSingular(field, textValue(field, text), path));
  }

  /** Sets a field from a path. It may have been set before, to the same. */
  setPath(field: DescField, text: string): void {
    this.setSame(field, text, `must be as in the path, or left out; got ${quoteInput(this.#init[field.localName])}`);
  }

  /** Sets a text field that may have been set before, to the same; else `problem` says what is wrong with it. */
  setSame(field: DescField, text: string, problem: string): void {
    if (!this.#seen.has(field)) this.setText(field, text);
    else if (this.#init[field.localName] !== text) throw invalid(this.#path + field.name, problem);
  }

  /** The fields that were set, also to nothing, by their proto names. */
  given(): string[] {
    return [...this.#seen].map(({ name }) => name);
  }

  /** Sets the fields of a JSON object; unknown ones are ignored, null leaves a field unset. */
  setObject(object: object): void {
    for (const [key, value] of Object.entries(object)) {
      const field = fieldByKey(this.#descriptor, key);
      if (field !== undefined) this.#setJson(field, value);
    }
  }

  finish(): Message {
    return create(this.#descriptor, this.#init as never);
  }

  #setJson(field: DescField, value: unknown): void {
    const path = this.#path + field.name;
    this.#once(field, path);
    if (value === null) return;
    if (field.fieldKind === 'list') {
      if (!Array.isArray(value)) throw wrongValue(field, value, path);
      const items = value.slice(0, listReadMax(field));
      this.#init[field.localName] = items.map((item, index) => readSingular(field, item, `${path}[${index}]`));
    } else if (field.fieldKind === 'map') {
      if (typeof value !== 'object' || Array.isArray(value)) throw wrongValue(field, value, path);
      const entries = Object.entries(value).map(([key, item]) => [
        key,
        readSingular(field, item, `${path}[${quoteInput(key)}]`),
      ]);
      this.#init[field.localName] = Object.fromEntries(entries);
    } else {
      this.#assign(field, readSingular(field, value, path));
    }
  }

  #assign(field: DescField, value: unknown): void {
    if (field.oneof === undefined) this.#init[field.localName] = value;
    else this.#choose(field, field.oneof, value);
  }

  /** Of a oneof; null does not count, since whoever sends back what was read names them all. */
  #choose(field: DescField, { localName, fields }: DescOneof, value: unknown): void {
    const chosen = this.#init[localName] as { case: string } | undefined;
    const sibling = fields.find((other) => other.localName === chosen?.case);
    if (sibling) throw invalid(this.#path + field.name, `cannot be given together with ${sibling.name}`);
    this.#init[localName] = { case: field.localName, value };
  }

  #once(field: DescField, path: string): void {
    if (this.#seen.has(field)) throw invalid(path, 'is given more than once');
    this.#seen.add(field);
  }
}

/** One value of a field: the field itself, an item of its list, or a value of its map. */
function readSingular(field: DescField, value: unknown, path: string): unknown {
  if (field.message) return readMessage(field, field.message, value, path);
  const read = field.enum ? readEnum(field.enum, value) : readScalar(field.scalar as ScalarType, value);
  if (read === undefined) throw wrongValue(field, value, path);
  return read;
}

function readMessage(field: DescField, descriptor: DescMessage, value: unknown, path: string): Message {
  if (descriptor.typeName === 'google.protobuf.FieldMask') {
    const mask = readFieldMask(value);
    if (mask === undefined) throw wrongValue(field, value, path);
    return mask;
  }
  if (descriptor.typeName.startsWith('google.protobuf.')) {
    try {
      return fromJson(descriptor, value as never);
    } catch {
      throw wrongValue(field, value, path);
    }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrongValue(field, value, path);
  const reader = new MessageReader(descriptor, `${path}.`);
  reader.setObject(value);
  return reader.finish();
}

/** Parameters have no types: what JSON tells by its syntax must be read from the text. */
function textValue(field: DescField, text: string): unknown {
  if (field.scalar !== ScalarType.BOOL) return text;
  return text === 'true' ? true : text === 'false' ? false : text;
}

function isTextual(descriptor: DescMessage): boolean {
  return ['google.protobuf.Duration', 'google.protobuf.Timestamp', 'google.protobuf.FieldMask'].includes(
    descriptor.typeName,
  );
}

function wrongValue(field: DescField, value: unknown, path: string): ConnectError {
  const hint =
    (field.fieldKind === 'list' || field.fieldKind === 'map') && path.endsWith(']')
      ? itemHint(field)
      : fieldHint(field);
  return invalid(path, isSecret(field) ? hint : `${hint}; got ${quoteInput(value)}`);
}

function invalid(path: string, description: string): ConnectError {
  return callError({ code: Code.InvalidArgument, message: `${path}: ${description}`, field: path });
}
