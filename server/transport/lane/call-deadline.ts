import { Code, ConnectError } from '@connectrpc/connect';
import type { Clock, Timer } from '../../clock.ts';

/** The longest timeout that a timer can hold, ms (24.8 days). Nobody waits that long: a longer one is none. */
const maxTimeoutMs = 2 ** 31 - 1;

/** When a call that carries a timeout ends, whatever its handler does. */
export class CallDeadline {
  readonly #controller = new AbortController();
  readonly #timer: Timer | null;

  /** `leftMs`: of the timeout; at 0 or less it is over. */
  constructor(clock: Clock, leftMs: number) {
    const end = (): void => this.#controller.abort(new ConnectError('the operation timed out', Code.DeadlineExceeded));
    this.#timer = leftMs > 0 ? clock.after(leftMs, end) : null;
    if (leftMs <= 0) end();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The call was answered. */
  cancel(): void {
    this.#timer?.cancel();
  }
}

/**
 * The timeout of a `connect-timeout-ms` header, ms; null for none. Undefined for one that is not for a lane to judge: it is
 * malformed, or over already.
 */
export function connectTimeoutMs(value: string | undefined): number | null | undefined {
  if (value === undefined) return null;
  return /^\d{1,10}$/.test(value) ? usable(Number(value)) : undefined;
}

const unitMs: Record<string, number> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** The same for a `grpc-timeout` header. */
export function grpcTimeoutMs(value: string | undefined): number | null | undefined {
  if (value === undefined) return null;
  if (!/^\d{1,8}[HMSmun]$/.test(value)) return undefined;
  return usable(Number(value.slice(0, -1)) * unitMs[value.slice(-1)]!);
}

function usable(timeoutMs: number): number | null | undefined {
  if (timeoutMs > maxTimeoutMs) return null;
  return timeoutMs > 0 ? timeoutMs : undefined;
}
