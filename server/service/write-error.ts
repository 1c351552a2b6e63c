import { Code } from '@connectrpc/connect';
import { StoreError } from '../store/store.ts';
import { callError } from './call-error.ts';

/** What `write` resolves to; a store that cannot be written becomes the error that a caller is told. */
export function writing<T>(write: Promise<T>): Promise<T> {
  return write.catch((error) => {
    if (!(error instanceof StoreError)) throw error;
    const why = error.reason === 'full' ? 'its disk is full' : 'its store cannot write';
    const message = `the server could not record this, ${why}; nothing changed, try again`;
    throw callError({ code: Code.Unavailable, message });
  });
}
