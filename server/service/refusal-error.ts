import { Code, type ConnectError } from '@connectrpc/connect';
import type { Refusal } from '../engine/command.ts';
import { callError } from './call-error.ts';

type AnyRefusal = Omit<Refusal, 'code'> & { code: Refusal['code'] | 'failed_precondition' };

const codes: Record<AnyRefusal['code'], Code> = {
  invalid_argument: Code.InvalidArgument,
  not_found: Code.NotFound,
  already_exists: Code.AlreadyExists,
  aborted: Code.Aborted,
  resource_exhausted: Code.ResourceExhausted,
  unavailable: Code.Unavailable,
  failed_precondition: Code.FailedPrecondition,
};

/** What a caller is told of a command that was not carried out. `prefix`: before the name of the field, as "monitor.". */
export function refusalError({ code, message, field }: AnyRefusal, prefix = ''): ConnectError {
  if (field === '') return callError({ code: codes[code], message });
  return callError({ code: codes[code], message: prefix + message, field: prefix + field });
}
