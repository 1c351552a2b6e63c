import { Code, type ConnectError } from '@connectrpc/connect';
import type { Refusal } from '../engine/command.ts';
import { callError } from './call-error.ts';

const codes: Record<Refusal['code'], Code> = {
  invalid_argument: Code.InvalidArgument,
  not_found: Code.NotFound,
  already_exists: Code.AlreadyExists,
  aborted: Code.Aborted,
  resource_exhausted: Code.ResourceExhausted,
  unavailable: Code.Unavailable,
};

/** What a caller is told of a command that was not carried out. `prefix`: before the name of the field, as "monitor.". */
export function refusalError({ code, message, field }: Refusal, prefix = ''): ConnectError {
  if (field === '') return callError({ code: codes[code], message });
  return callError({ code: codes[code], message: prefix + message, field: prefix + field });
}
