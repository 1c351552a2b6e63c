import type { IncomingHttpHeaders } from 'node:http';

/** The longest timeout that Node's timers can hold, ms (24.8 days); one above it would fire at once. */
const maxTimeoutMs = 2 ** 31 - 1;

const unitMs: Record<string, number> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** Takes a timeout off a request's headers when no timer can hold it: nobody waits that long, so it says "none". */
export function dropEndlessTimeout(headers: IncomingHttpHeaders): void {
  if (Number(headers['connect-timeout-ms']) > maxTimeoutMs) delete headers['connect-timeout-ms'];
  const grpc = headers['grpc-timeout'];
  if (typeof grpc === 'string' && Number(grpc.slice(0, -1)) * (unitMs[grpc.slice(-1)] ?? 0) > maxTimeoutMs) {
    delete headers['grpc-timeout'];
  }
}
