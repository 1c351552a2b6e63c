import { createTocsin, type Ping, type TimeLimit, type Tocsin } from './client.ts';
import { systemClock } from './system-clock.ts';
import { type WithHeartbeat, withHeartbeatInto } from './with-heartbeat.ts';

let client: Tocsin | undefined;

/** Made at the first beat, not at import: whatever fills the environment (dotenv, a secret store) has run by then. */
function defaultClient(): Tocsin {
  client ??= createTocsin({ baseUrl: environment('TOCSIN_URL'), token: environment('TOCSIN_TOKEN') });
  return client;
}

/** `Tocsin.ping` of the default client. */
export const ping: Ping = (name, frequency, details) => defaultClient().ping(name, frequency as never, details);

/** `Tocsin.withHeartbeat` of the default client. */
export const withHeartbeat: WithHeartbeat = withHeartbeatInto({ monotonicMs: systemClock.monotonicMs, ping });

/** `Tocsin.flush` of the default client. */
export async function flush(options?: TimeLimit): Promise<boolean> {
  return client ? client.flush(options) : true;
}

function environment(name: string): string | undefined {
  try {
    const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
    return process?.env?.[name] || undefined;
  } catch {
    // Some runtimes ask for permission.
    return undefined;
  }
}
