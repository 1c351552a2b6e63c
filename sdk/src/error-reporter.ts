import type { TocsinError, TocsinErrorKind } from './tocsin-error.ts';

export type ErrorReporter = (error: TocsinError) => void;

/** Mistakes of whoever set it up: they do not pass by themselves, and nobody would ever see the missing monitor. */
const warnedKinds: ReadonlySet<TocsinErrorKind> = new Set<TocsinErrorKind>(['refused', 'rejected', 'invalid']);

/**
 * Calls `onError` off the job's stack, and survives whatever it does. Without an `onError`, the first error of each kind
 * that only a person can mend goes to `console.warn`; a server that is merely away leaves the job's output alone.
 */
export function errorReporter(onError: ((error: TocsinError) => void) | undefined): ErrorReporter {
  const handle: (error: TocsinError) => unknown = onError ?? warnOncePerKind();
  return (error) => {
    queueMicrotask(() => {
      try {
        // An async handler that rejects would otherwise end the process as an unhandled rejection.
        Promise.resolve(handle(error)).catch(() => {});
      } catch {
        // There is nobody left to tell.
      }
    });
  };
}

function warnOncePerKind(): (error: TocsinError) => void {
  const warned = new Set<TocsinErrorKind>();
  return (error) => {
    if (!warnedKinds.has(error.kind) || warned.has(error.kind)) return;
    warned.add(error.kind);
    console.warn(`tocsin: ${error.message}`);
  };
}
