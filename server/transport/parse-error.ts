import { Code, ConnectError } from '@connectrpc/connect';
import { BadRequestSchema } from '../../gen/ts/google/rpc/error_details_pb.ts';
import { fieldHint } from '../service/field-hint.ts';
import { jsonProblem } from './codec/json-problem.ts';

/**
 * Connect reports a request that it cannot parse as INTERNAL (binary) or in the parser's own words (JSON). The client is
 * at fault, so both become INVALID_ARGUMENT that names the field where that is known. Changes `error` in place: Connect
 * is about to send that very object. Other errors stay as they are.
 */
export function reviseParseError(error: unknown): void {
  if (!(error instanceof ConnectError)) return;
  if (error.code === Code.Internal && error.rawMessage.startsWith('parse binary: ')) {
    const problem = error.rawMessage.slice('parse binary: '.length);
    const text = problem.includes('encoded data was not valid') ? 'a string is not valid UTF-8' : problem;
    revise(error, `request: is not valid protobuf: ${text}`);
  } else if (error.code === Code.InvalidArgument && error.details.length === 0) {
    const { cause } = error;
    if (!(cause instanceof Error)) return;
    const field = fieldOfCause(cause.cause);
    if (field) revise(error, `${field.name}: ${fieldHint(field)}`, field.name);
    else if (cause.message.includes('encoded data was not valid')) revise(error, 'body: is not valid UTF-8');
    else if (cause.cause instanceof SyntaxError) revise(error, `body: is not valid JSON: ${jsonProblem(cause.cause)}`);
  }
}

function revise(error: ConnectError, message: string, field?: string): void {
  Object.assign(error, { code: Code.InvalidArgument, rawMessage: message, message: `[invalid_argument] ${message}` });
  if (field === undefined) return;
  const description = message.slice(field.length + 2);
  error.details.push({ desc: BadRequestSchema, value: { fieldViolations: [{ field, description }] } });
}

/** protobuf-es keeps the field in the FieldError that caused its error. */
function fieldOfCause(cause: unknown): Parameters<typeof fieldHint>[0] | null {
  if (!(cause instanceof Error) || !('field' in cause) || typeof cause.field !== 'function') return null;
  const field = cause.field();
  return field?.kind === 'field' ? field : null;
}
