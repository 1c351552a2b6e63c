import type { Notifier } from '../notify/notifier.ts';

/** How one channel is served. */
export type Lane = {
  notifier: Notifier;
  /** Attempts under way at once. */
  concurrency: number;
  /**
   * Notices that come within `windowMs` go one by one up to `above`, and as one digest from there on; there is at most one
   * digest in `windowMs`.
   */
  digest: { above: number; windowMs: number };
  /** What waits goes as one, however little it is. */
  isBatched: boolean;
  /** Receivers keep what is open under a key: a recovery is told by itself, and ends the digest that told of the down. */
  isKeyed: boolean;
};

/** The lanes of the channels that there are now. */
export interface Lanes {
  /** Undefined when there is no channel of this name (any more). */
  get(channel: string): Lane | undefined;
}
