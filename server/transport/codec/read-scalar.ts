import { type DescEnum, ScalarType } from '@bufbuild/protobuf';
import { base64Decode } from '@bufbuild/protobuf/wire';
import { shortEnumName } from '../../service/field-hint.ts';

/** Reads an enum value: its name in any case, short or full, or its number. Undefined when the value does not fit. */
export function readEnum(descriptor: DescEnum, value: unknown): number | undefined {
  if (typeof value === 'number') return readScalar(ScalarType.INT32, value) as number | undefined;
  if (typeof value !== 'string') return undefined;
  if (/^-?\d+$/.test(value)) return readScalar(ScalarType.INT32, value) as number | undefined;
  const lower = value.toLowerCase();
  return descriptor.values.find(({ name }) => name.toLowerCase() === lower || shortEnumName(descriptor, name) === lower)
    ?.number;
}

/** Reads a scalar from JSON, or from the text of a parameter. Undefined when the value does not fit. */
export function readScalar(type: ScalarType, value: unknown): unknown {
  switch (type) {
    case ScalarType.STRING:
      return typeof value === 'string' && value.isWellFormed() ? value : undefined;
    case ScalarType.BOOL:
      return typeof value === 'boolean' ? value : undefined;
    case ScalarType.BYTES:
      return readBytes(value);
    case ScalarType.DOUBLE:
      return readDouble(value);
    case ScalarType.FLOAT: {
      const double = readDouble(value);
      return double === undefined || Math.abs(double) > 3.4028235677973366e38 ? undefined : double;
    }
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return readInteger(value, -(2n ** 63n), 2n ** 63n - 1n);
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return readInteger(value, 0n, 2n ** 64n - 1n);
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return toNumber(readInteger(value, 0n, 2n ** 32n - 1n));
    default:
      return toNumber(readInteger(value, -(2n ** 31n), 2n ** 31n - 1n));
  }
}

/** A whole number, as JSON number or as decimal text. Numbers that JSON already rounded are refused. */
function readInteger(value: unknown, min: bigint, max: bigint): bigint | undefined {
  if (typeof value === 'number' ? !Number.isSafeInteger(value) : !isIntegerText(value)) return undefined;
  const integer = BigInt(value as number | string);
  return integer >= min && integer <= max ? integer : undefined;
}

function isIntegerText(value: unknown): boolean {
  return typeof value === 'string' && /^-?\d{1,20}$/.test(value);
}

function toNumber(integer: bigint | undefined): number | undefined {
  return integer === undefined ? undefined : Number(integer);
}

function readDouble(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}

function readBytes(value: unknown): Uint8Array | undefined {
  try {
    return typeof value === 'string' ? base64Decode(value) : undefined;
  } catch {
    return undefined;
  }
}
