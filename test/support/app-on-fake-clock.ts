import { randomUUID } from 'node:crypto';
import { type Logger, pino } from 'pino';
import { envLookup } from '../../server/alerting/env-references.ts';
import { type App, startApp } from '../../server/app.ts';
import { parseConfig } from '../../server/config/parse-config.ts';
import type { FakeClock } from './fake-clock.ts';

/** The whole app in this process, on a real free port, with time in the test's hands. */
export async function startAppOnFakeClock(
  clock: FakeClock,
  env: Record<string, string>,
  logger: Logger = pino({ level: 'silent' }),
): Promise<App> {
  const parsed = parseConfig({
    env: { PORT: '0', LOG_LEVEL: 'silent', ...env },
    readFile: () => '',
    insecureNoAuth: false,
  });
  if (!parsed.ok) throw new Error(parsed.errors.join('; '));
  const lookUpEnv = envLookup({ env, readFile: () => '' });
  return startApp({
    config: parsed.config,
    clock,
    logger,
    random: () => 0.5,
    newId: randomUUID,
    lookUpEnv,
    programs: { environment: {}, killGroup: () => {} },
  });
}
