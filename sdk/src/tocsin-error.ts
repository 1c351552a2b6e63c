/**
 * What went wrong, as a closed set:
 *
 * - `unavailable`: the server is away, slow, overloaded or answers nonsense. Retried.
 * - `refused`: the server answers, but not to us (401, 403, 404, a redirect, …): the token or the URL is probably
 *   wrong. Retried every 30 to 60 s, so that a repaired setting costs no beats.
 * - `rejected`: the server found fault with one beat. Dropped.
 * - `invalid`: the arguments of `ping`, the `baseUrl` or the `token` can not be used. Dropped.
 * - `overflow`: more beats wait than the queue holds. The least useful are dropped.
 * - `expired`: beats waited for more than 24 h. Dropped.
 * - `closed`: beats that came after `close()`, or were still waiting at its end. Dropped.
 * - `internal`: a fault of the SDK or of something that was handed to it.
 */
export type TocsinErrorKind =
  | 'unavailable'
  | 'refused'
  | 'rejected'
  | 'invalid'
  | 'overflow'
  | 'expired'
  | 'closed'
  | 'internal';

export type TocsinErrorDetails = {
  /** How many beats were dropped: 0 when they are retried. */
  dropped: number;
  /** The monitor, when it is about one beat. */
  monitor?: string | undefined;
  /** The server's error code, such as `unauthenticated`. */
  code?: string | undefined;
  cause?: unknown;
};

/** Handed to `onError`. It is never thrown. */
export class TocsinError extends Error {
  override readonly name = 'TocsinError';
  readonly kind: TocsinErrorKind;
  readonly dropped: number;
  readonly monitor: string | undefined;
  readonly code: string | undefined;

  constructor(kind: TocsinErrorKind, message: string, details: TocsinErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.kind = kind;
    this.dropped = details.dropped;
    this.monitor = details.monitor;
    this.code = details.code;
  }
}
