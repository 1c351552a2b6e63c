import { create } from '@bufbuild/protobuf';
import { type FieldMask, FieldMaskSchema } from '@bufbuild/protobuf/wkt';

const path = /^[A-Za-z][A-Za-z0-9_.]*$/;

/**
 * Reads a FieldMask from its text: names of fields with commas between them, as in the proto ("max_run") or as in ProtoJSON
 * ("maxRun"); "*" is for the handler to judge. Undefined when it is none.
 */
export function readFieldMask(value: unknown): FieldMask | undefined {
  if (typeof value !== 'string') return undefined;
  const paths = value === '' ? [] : value.split(',').map((each) => each.trim());
  if (!paths.every((each) => each === '*' || path.test(each))) return undefined;
  return create(FieldMaskSchema, { paths: paths.map(protoName) });
}

function protoName(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
