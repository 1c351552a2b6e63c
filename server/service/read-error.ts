import { Code } from '@connectrpc/connect';
import { StoreError } from '../store/store.ts';
import { callError } from './call-error.ts';

/** What a caller is told when the store cannot be read; anything but a StoreError as it is. */
export function readError(error: unknown): unknown {
  if (!(error instanceof StoreError)) return error;
  if (error.reason === 'busy') {
    return callError({ code: Code.ResourceExhausted, message: 'too many lists are being read; try again' });
  }
  return callError({ code: Code.Unavailable, message: 'the store cannot be read now; try again' });
}

/** What `read` resolves to; a store that cannot be read becomes the error that a caller is told. */
export function reading<T>(read: Promise<T>): Promise<T> {
  return read.catch((error) => {
    throw readError(error);
  });
}
