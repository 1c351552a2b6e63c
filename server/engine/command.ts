import type { Rejection } from './domain/decision.ts';
import type { Beat, Monitor } from './domain/monitor.ts';

/** Something that a client asks of the engine. */
export type Command =
  | { kind: 'beat'; beat: Beat }
  | {
      kind: 'remove';
      name: string;
      /** When the server received it, Unix ms. */
      receivedMs: number;
    };

/** Why a command was not carried out: bad input, a bound, or (`unavailable`) a store that cannot write. */
export type Refusal = Omit<Rejection, 'code'> & { code: Rejection['code'] | 'unavailable' };

/** The answer to a command, given after its commit. */
export type Outcome =
  | {
      ok: true;
      /** For a beat, what became of it; for a removal, `applied`. */
      accepted: 'applied' | 'stale' | 'duplicate';
      /** The time that the beat counts for, Unix ms. */
      atMs: number;
      /** The monitor after the command (for a removal: as it was). */
      monitor: Monitor;
    }
  | { ok: false; refusal: Refusal };
