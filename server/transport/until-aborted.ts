import { Code, ConnectError } from '@connectrpc/connect';

/**
 * Settles as `promise` does, or rejects with the signal's reason when that comes first. The listener is taken off again:
 * many may wait on one long-lived signal.
 */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(abortError(signal));
    if (signal.aborted) {
      promise.catch(() => {});
      return onAbort();
    }
    signal.addEventListener('abort', onAbort, { once: true });
    const settled = (): void => signal.removeEventListener('abort', onAbort);
    promise.then(
      (value) => {
        settled();
        resolve(value);
      },
      (error) => {
        settled();
        reject(error);
      },
    );
  });
}

/** Why a signal was aborted, as callers learn it: DEADLINE_EXCEEDED, UNAVAILABLE, or CANCELED when the caller left. */
export function abortError(signal: AbortSignal): ConnectError {
  return signal.reason instanceof ConnectError ? signal.reason : new ConnectError('the caller left', Code.Canceled);
}
