import { Code } from '@connectrpc/connect';
import {
  Health as HealthService,
  HealthCheckResponse_ServingStatus as Status,
} from '../../gen/ts/grpc/health/v1/health_pb.ts';
import { callError, quoteInput } from '../service/call-error.ts';
import { type BoundService, bindService } from '../service/service-handlers.ts';
import type { Health } from './health.ts';

/** grpc.health.v1 for the services of `typeNames` and for "", the server as a whole. Open: probes carry no token. */
export function grpcHealth(options: { health: Health; typeNames: readonly string[] }): BoundService {
  const { health, typeNames } = options;
  const known = new Set(['', ...typeNames]);
  const status = (): Status => (health.serving() ? Status.SERVING : Status.NOT_SERVING);

  return bindService(
    HealthService,
    {
      async check({ service }) {
        if (known.has(service)) return { status: status() };
        const message = `service: no service ${quoteInput(service)} here`;
        throw callError({ code: Code.NotFound, message, field: 'service' });
      },
      async list() {
        return { statuses: Object.fromEntries([...known].map((name) => [name, { status: status() }])) };
      },
      async *watch({ service }, { signal }) {
        let last: Status | null = null;
        while (!signal.aborted) {
          const changed = nextChange(health, signal);
          const current = known.has(service) ? status() : Status.SERVICE_UNKNOWN;
          if (current !== last) yield { status: current };
          last = current;
          await changed;
        }
      },
    },
    { open: true },
  );
}

/** Resolves at the next change, or when `signal` is aborted. */
function nextChange(health: Health, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stop();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const stop = health.onChange(done);
    if (signal.aborted) done();
    else signal.addEventListener('abort', done, { once: true });
  });
}
