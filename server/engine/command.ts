import type { Configuration } from './domain/configure.ts';
import type { Rejection } from './domain/decision.ts';
import type { Beat, Monitor } from './domain/monitor.ts';

/** Something that a client asks of the engine. `receivedMs`: when the server received it, Unix ms. */
export type Command =
  | { kind: 'beat'; beat: Beat }
  | { kind: 'configure'; configuration: Configuration; receivedMs: number }
  | {
      kind: 'pause';
      name: string;
      /** When it ends by itself, Unix ms; null: open. */
      untilMs: number | null;
      /** The next ping ends it. */
      untilPing: boolean;
      receivedMs: number;
    }
  | { kind: 'resume'; name: string; receivedMs: number }
  | {
      kind: 'acknowledge';
      name: string;
      /** Of the incident that is meant; null: whichever is open. */
      incidentId: string | null;
      /** Null: takes an acknowledgement back. */
      by: { by: string; note: string } | null;
      receivedMs: number;
    }
  | { kind: 'remove'; name: string /** As in `Configuration`. */; etag: string | null; receivedMs: number };

/** Which alert is acknowledged: that of a monitor, or of an incident. */
export type Acknowledged = { name: string } | { incidentId: string };

/** Why a command was not carried out: bad input, a bound, or (`unavailable`) a store that cannot write. */
export type Refusal = Omit<Rejection, 'code'> & { code: Rejection['code'] | 'unavailable' };

/** The answer to a command, given after its commit. */
export type Outcome =
  | {
      ok: true;
      /** What became of it; `unchanged`: everything was like that before. Only beats are stale or duplicate. */
      accepted: 'applied' | 'stale' | 'duplicate' | 'unchanged';
      /** The command made the monitor. */
      created: boolean;
      /** The time that the command counts for, Unix ms. */
      atMs: number;
      /** The monitor after the command (for a removal: as it was). */
      monitor: Monitor;
    }
  | { ok: false; refusal: Refusal };

export function nameOf(command: Command): string {
  switch (command.kind) {
    case 'beat':
      return command.beat.name;
    case 'configure':
      return command.configuration.name;
    default:
      return command.name;
  }
}

export function receivedMsOf(command: Command): number {
  return command.kind === 'beat' ? command.beat.receivedMs : command.receivedMs;
}
