import { type Code, ConnectError } from '@connectrpc/connect';
import { BadRequestSchema } from '../../gen/ts/google/rpc/error_details_pb.ts';

/** One field that is wrong, and what is wrong with it (without the field's name). */
export type FieldViolation = { field: string; description: string };

/**
 * An error for the caller, the same on every protocol. With `field` (or `violations`) it carries a google.rpc.BadRequest
 * detail. The message names the field and says what is valid: `frequency: must be …; got "10x"`.
 */
export function callError(options: {
  code: Code;
  message: string;
  /** The offending field by its proto name, such as "frequency" or "pings[3].name". */
  field?: string;
  /** All offending fields, when there are several; the first is the one that `message` is about. */
  violations?: FieldViolation[];
  /** Logged, never sent. */
  cause?: unknown;
}): ConnectError {
  const { code, message, field, cause } = options;
  const violations =
    options.violations ?? (field === undefined ? [] : [{ field, description: withoutField(message, field) }]);
  const details = violations.length === 0 ? [] : [{ desc: BadRequestSchema, value: { fieldViolations: violations } }];
  return new ConnectError(message, code, undefined, details, cause);
}

/** The offending field that an error names; undefined when it names none. */
export function fieldOf(error: ConnectError): string | undefined {
  return error.findDetails(BadRequestSchema)[0]?.fieldViolations[0]?.field;
}

/** Input as error messages repeat it: quoted, and cut after 64 characters. */
export function quoteInput(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.length > 64 ? `${value.slice(0, 64)}…` : value);
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value);
    default:
      return value === null ? 'null' : Array.isArray(value) ? 'an array' : 'an object';
  }
}

function withoutField(message: string, field: string): string {
  return message.startsWith(`${field}: `) ? message.slice(field.length + 2) : message;
}
