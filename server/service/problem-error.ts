import { Code, type ConnectError } from '@connectrpc/connect';
import { callError, quoteInput } from './call-error.ts';
import type { FieldProblem } from './read-maintenance.ts';

/** INVALID_ARGUMENT for what is wrong with a field. `prefix`: before its name, such as "monitor.". */
export function problemError({ field: path, problem, value }: FieldProblem, prefix = ''): ConnectError {
  const field = prefix + path;
  const got = value === '' ? '' : `; got ${quoteInput(value)}`;
  return callError({ code: Code.InvalidArgument, message: `${field}: ${problem}${got}`, field });
}
