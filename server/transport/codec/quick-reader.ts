import { type DescField, type DescMessage, fromJson, type Message, ScalarType } from '@bufbuild/protobuf';
import { shortEnumName } from '../../service/field-hint.ts';
import { listReadMax, splitsAtCommas } from '../../service/field-rules.ts';
import { blankMessage } from './blank-message.ts';

/**
 * Reads requests that are as they should be, fast. Null means "not sure": the strict readers (`readRestRequest`,
 * `MessageReader`) take what this one does not, and say what is wrong with it. What it does read it reads as they do.
 */
export type QuickReader = {
  /** Reads parameters: the query of a request target (without "?"), ASCII only. */
  parameters(text: string): Message | null;
  /** Reads an object from JSON; that no key is in it twice is for the caller to know. */
  object(value: unknown): Message | null;
};

type Fields = Record<string, unknown>;
/** Undefined: not sure. */
type Read = (value: unknown) => unknown;
type QuickField = { localName: string; bit: number; read: Read; readText: Read };

const readers = new WeakMap<DescMessage, QuickReader>();

/** Compiles the quick reader of a message, once. */
export function quickReader(descriptor: DescMessage): QuickReader {
  let reader = readers.get(descriptor);
  if (!reader) {
    reader = compile(descriptor);
    readers.set(descriptor, reader);
  }
  return reader;
}

function compile(descriptor: DescMessage): QuickReader {
  const fields = new Map<string, QuickField>();
  descriptor.fields.forEach((field, index) => {
    const { localName } = field;
    // Bits tell what was set before; a message with more fields than bits is left to the strict readers.
    const isKnown = index <= 30 && !field.oneof && field.fieldKind !== 'map';
    const read: Read = isKnown ? quickRead(field) : unsure;
    const readText: Read = isKnown ? quickText(field, read) : unsure;
    for (const name of [field.jsonName, field.name]) {
      fields.set(name, { localName, bit: 1 << index, read, readText });
    }
  });
  const fresh = blankMessage(descriptor);

  return {
    parameters(text) {
      const message = fresh();
      let seen = 0;
      for (let at = 0; at < text.length; ) {
        let end = text.indexOf('&', at);
        if (end < 0) end = text.length;
        const equals = text.indexOf('=', at);
        if (equals < 0 || equals > end) return null;
        const field = fields.get(text.slice(at, equals));
        const value = decodeValue(text.slice(equals + 1, end));
        // A name that is unknown as it stands may be one that is percent-encoded.
        if (value === null || field === undefined || (seen & field.bit) !== 0) return null;
        const read = field.readText(value);
        if (read === undefined) return null;
        seen |= field.bit;
        message[field.localName] = read;
        at = end + 1;
      }
      return message as unknown as Message;
    },

    object(value) {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
      const message = fresh();
      let seen = 0;
      for (const key of Object.keys(value)) {
        const field = fields.get(key);
        if (field === undefined) continue;
        if ((seen & field.bit) !== 0) return null;
        seen |= field.bit;
        const given = (value as Fields)[key];
        if (given === null) continue;
        const read = field.read(given);
        if (read === undefined) return null;
        message[field.localName] = read;
      }
      return message as unknown as Message;
    },
  };
}

function decodeValue(raw: string): string | null {
  const spaced = raw.includes('+') ? raw.replaceAll('+', ' ') : raw;
  if (!spaced.includes('%')) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    return null;
  }
}

const unsure: Read = () => undefined;

/** Reads a parameter; a list that comes in several is left to the strict readers. */
function quickText(field: DescField, read: Read): Read {
  if (field.fieldKind === 'list') {
    if (field.message) return unsure;
    const splits = splitsAtCommas(field);
    return (text) => read(text === '' ? [] : splits ? (text as string).split(',') : [text]);
  }
  if (field.scalar !== ScalarType.BOOL) return read;
  return (text) => (text === 'true' ? true : text === 'false' ? false : undefined);
}

function quickRead(field: DescField): Read {
  const read = quickSingular(field);
  if (field.fieldKind !== 'list') return read;
  const maxRead = listReadMax(field);
  return (value) => {
    if (!Array.isArray(value)) return undefined;
    const count = Math.min(value.length, maxRead);
    const items = new Array<unknown>(count);
    for (let index = 0; index < count; index++) {
      const item = read(value[index]);
      if (item === undefined) return undefined;
      items[index] = item;
    }
    return items;
  };
}

function quickSingular(field: DescField): Read {
  if (field.message) return quickMessage(field.message);
  if (field.enum) {
    const numbers = new Map<unknown, number>();
    for (const { name, number } of field.enum.values) {
      for (const text of [name, shortEnumName(field.enum, name)]) if (!numbers.has(text)) numbers.set(text, number);
    }
    return (value) => numbers.get(value);
  }
  switch (field.scalar) {
    case ScalarType.STRING:
      return (value) => (typeof value === 'string' && value.isWellFormed() ? value : undefined);
    case ScalarType.BOOL:
      return (value) => (typeof value === 'boolean' ? value : undefined);
    case ScalarType.INT64:
      return (value) => (isShortInteger(value) ? BigInt(value as string | number) : undefined);
    case ScalarType.UINT64:
      return (value) => (isShortInteger(value) && Number(value) >= 0 ? BigInt(value as string | number) : undefined);
    case ScalarType.INT32:
      return (value) => inRange(value, -(2 ** 31), 2 ** 31 - 1);
    case ScalarType.UINT32:
      return (value) => inRange(value, 0, 2 ** 32 - 1);
    default:
      return unsure;
  }
}

function quickMessage(descriptor: DescMessage): Read {
  if (descriptor.typeName === 'google.protobuf.Duration') {
    return (value) => {
      if (typeof value !== 'string') return undefined;
      try {
        return fromJson(descriptor, value);
      } catch {
        return undefined;
      }
    };
  }
  if (descriptor.typeName.startsWith('google.protobuf.')) return unsure;
  let reader: QuickReader | null = null;
  return (value) => {
    reader ??= quickReader(descriptor);
    return reader.object(value) ?? undefined;
  };
}

/** Digits enough for anything usual, and few enough for exact arithmetic. */
function isShortInteger(value: unknown): boolean {
  return typeof value === 'string' ? /^-?\d{1,15}$/.test(value) : Number.isSafeInteger(value);
}

function inRange(value: unknown, min: number, max: number): number | undefined {
  if (!isShortInteger(value)) return undefined;
  const number = Number(value);
  // "-0" is not 0 to everybody.
  return number >= min && number <= max && !Object.is(number, -0) ? number : undefined;
}
