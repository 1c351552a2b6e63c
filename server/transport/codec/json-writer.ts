import { type DescEnum, type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { base64Encode } from '@bufbuild/protobuf/wire';
import { quoteJson } from './json-text.ts';

/** Turns a message, or the init shape of one, into JSON text. */
export type JsonWriter = (message: object) => string;

/** google.protobuf.Timestamp and Duration, as init shapes may have them. */
export type Seconds = { seconds?: bigint; nanos?: number };

/** How one of the JSON forms of a message differs from the other. */
export type JsonDialect = {
  key(field: DescField): string;
  /** Whether fields that hold their default, or nothing, are left out. */
  omitsDefaults: boolean;
  /** The text that stands for an enum value; numbers without a name stand for themselves. */
  enumText(descriptor: DescEnum, value: DescEnum['values'][number]): string;
  long(value: bigint): string;
  timestamp(value: Seconds): string;
  duration(value: Seconds): string;
};

type ValueWriter = (value: unknown) => string;
type Values = Record<string, unknown>;
type Oneof = { case?: string; value?: unknown } | undefined;
type FieldWriter = {
  localName: string;
  oneofName: string | null;
  /** What leads the value when the field is the first that is written, and when it is a later one. */
  opening: string;
  following: string;
  /** Written when there is no value; null: nothing is. */
  absent: string | null;
  isOmitted: (value: unknown) => boolean;
  write: ValueWriter;
};

/** The writers of messages in one dialect, each compiled once: they are on the path of every ping. */
export class JsonWriters {
  readonly #dialect: JsonDialect;
  readonly #writers = new WeakMap<DescMessage, JsonWriter>();

  constructor(dialect: JsonDialect) {
    this.#dialect = dialect;
  }

  of(descriptor: DescMessage): JsonWriter {
    const known = this.#writers.get(descriptor);
    if (known) return known;
    let compiled: JsonWriter | null = null;
    // Registered before it is compiled, so a message may contain itself.
    const writer: JsonWriter = (message) => {
      compiled ??= this.#compile(descriptor);
      return compiled(message);
    };
    this.#writers.set(descriptor, writer);
    return writer;
  }

  #compile(descriptor: DescMessage): JsonWriter {
    switch (descriptor.typeName) {
      case 'google.protobuf.Timestamp':
        return this.#dialect.timestamp;
      case 'google.protobuf.Duration':
        return this.#dialect.duration;
    }
    const inOrder = descriptor.fields.toSorted((a, b) => a.number - b.number);
    const fields = inOrder.map((field) => this.#compileField(field));
    return (message) => {
      let text = '';
      for (const field of fields) {
        const value = field.oneofName === null ? (message as Values)[field.localName] : chosen(message, field);
        const isAbsent = value === undefined || value === null;
        if (isAbsent ? field.absent === null : field.isOmitted(value)) continue;
        text += text === '' ? field.opening : field.following;
        text += isAbsent ? field.absent : field.write(value);
      }
      return text === '' ? '{}' : `${text}}`;
    };
  }

  #compileField(field: DescField): FieldWriter {
    const key = `${JSON.stringify(this.#dialect.key(field))}:`;
    const omitted = this.#dialect.omitsDefaults;
    return {
      localName: field.localName,
      oneofName: field.oneof?.localName ?? null,
      opening: `{${key}`,
      following: `,${key}`,
      absent: omitted ? null : this.#absentText(field),
      isOmitted: omitted && !hasPresence(field) ? isDefault(field) : never,
      write: this.#fieldWriter(field),
    };
  }

  /** What stands for a field that an init shape leaves out. */
  #absentText(field: DescField): string {
    if (field.fieldKind === 'list') return '[]';
    if (field.fieldKind === 'map') return '{}';
    if (hasPresence(field)) return 'null';
    if (field.fieldKind === 'enum') return this.#enumWriter(field.enum)(0);
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

  #fieldWriter(field: DescField): ValueWriter {
    const write = this.#singularWriter(field);
    if (field.fieldKind === 'list') return (values) => writeList(values as unknown[], write);
    if (field.fieldKind === 'map') {
      return (map) => {
        const entries = Object.entries(map as Values).map(([key, value]) => `${JSON.stringify(key)}:${write(value)}`);
        return `{${entries.join(',')}}`;
      };
    }
    return write;
  }

  #singularWriter(field: DescField): ValueWriter {
    if (field.message) return this.of(field.message) as ValueWriter;
    if (field.enum) return this.#enumWriter(field.enum);
    switch (field.scalar) {
      case ScalarType.STRING:
        return quoteJson as ValueWriter;
      case ScalarType.BYTES:
        return (value) => `"${base64Encode(value as Uint8Array)}"`;
      case ScalarType.DOUBLE:
      case ScalarType.FLOAT:
        return (value) => (Number.isFinite(value) ? JSON.stringify(value) : JSON.stringify(String(value)));
      case ScalarType.INT64:
      case ScalarType.UINT64:
      case ScalarType.SINT64:
      case ScalarType.FIXED64:
      case ScalarType.SFIXED64:
        return this.#dialect.long as ValueWriter;
      default:
        return String;
    }
  }

  #enumWriter(descriptor: DescEnum): ValueWriter {
    const texts = new Map<unknown, string>();
    for (const value of descriptor.values) {
      if (!texts.has(value.number)) texts.set(value.number, JSON.stringify(this.#dialect.enumText(descriptor, value)));
    }
    return (value) => texts.get(value) ?? String(value);
  }
}

function chosen(message: object, field: FieldWriter): unknown {
  const oneof = (message as Values)[field.oneofName!] as Oneof;
  return oneof?.case === field.localName ? oneof.value : undefined;
}

function writeList(values: readonly unknown[], write: ValueWriter): string {
  if (values.length === 0) return '[]';
  let text = '[';
  for (let index = 0; index < values.length; index++) text += (index === 0 ? '' : ',') + write(values[index]);
  return `${text}]`;
}

/** Whether the field tells "not set" from its default. */
function hasPresence(field: DescField): boolean {
  return field.fieldKind === 'message' || field.oneof !== undefined || field.proto.proto3Optional;
}

function never(): boolean {
  return false;
}

function isDefault(field: DescField): (value: unknown) => boolean {
  if (field.fieldKind === 'list') return (list) => (list as unknown[]).length === 0;
  if (field.fieldKind === 'map') return (map) => Object.keys(map as Values).length === 0;
  switch (field.scalar) {
    case ScalarType.STRING:
      return (text) => text === '';
    case ScalarType.BYTES:
      return (bytes) => (bytes as Uint8Array).length === 0;
    case ScalarType.BOOL:
      return (value) => value === false;
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      // -0 is not the default.
      return (value) => Object.is(value, 0);
    default:
      // Enums as well: the first value of an open one is 0. For bigints, too.
      return (value) => Number(value) === 0;
  }
}
