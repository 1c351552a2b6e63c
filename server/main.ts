import * as crypto from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { envLookup } from './alerting/env-references.ts';
import { readCommandLine } from './config/command-line.ts';
import { parseConfig } from './config/parse-config.ts';
import type { Config } from './config/settings.ts';
import { alertNotifier } from './notify/alert-notifier.ts';
import { Egress } from './notify/egress.ts';
import { EgressRules } from './notify/egress-rules.ts';
import { loadOrCreateWebhookSecret } from './notify/webhook/webhook-secret.ts';
import { sendTestAlert } from './send-test-alert.ts';
import { StoreError } from './store/store.ts';
import { SystemClock } from './system-clock.ts';

// The only file that touches `process`.

const packageFile = new URL('../package.json', import.meta.url);
const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string };
const clock = new SystemClock();
/** Ids that grow with time stay together in the store's indexes; Node 24 does not make them yet. */
const newId: () => string = crypto.randomUUIDv7 ?? crypto.randomUUID;
/** A signal that follows another so soon is the same request, ms. */
const sameRequestMs = 1_000;

/** What SIGHUP asks for. Until there is a server, nothing: it is about to read its document anyway. */
let onHangup = (_signal: NodeJS.Signals): void => {};
// Before anything else: without a listener the signal ends the process.
process.on('SIGHUP', (signal) => onHangup(signal));
// Most of the server, which takes a while to load.
const { startApp } = await import('./app.ts');
const { ManagedMonitorsError } = await import('./managed-monitors.ts');

const programs = { environment: inheritedEnvironment(), killGroup };
const intent = readCommandLine(process.argv.slice(2), { version });
switch (intent.kind) {
  case 'exit':
    (intent.code === 0 ? process.stdout : process.stderr).write(intent.text);
    process.exitCode = intent.code;
    break;
  case 'test-alert':
    await testAlert(readConfig({ insecureNoAuth: true }));
    break;
  case 'serve':
    await serve(withMonitorsFile(readConfig({ insecureNoAuth: intent.insecureNoAuth }), intent.monitorsFile));
    break;
}

function readConfig({ insecureNoAuth }: { insecureNoAuth: boolean }): Config {
  const parsed = parseConfig({ env: process.env, readFile: (path) => readFileSync(path, 'utf8'), insecureNoAuth });
  if (parsed.ok) return parsed.config;
  const lines = parsed.errors.map((error) => `  ${error}\n`).join('');
  fail(`Tocsin cannot start with these settings:\n${lines}\`npm start -- --help\` lists all settings.\n`);
}

/** The command line takes precedence. */
function withMonitorsFile(config: Config, path: string | null): Config {
  return path === null ? config : { ...config, monitorsFile: path };
}

async function serve(config: Config): Promise<void> {
  const logger = pino({ level: config.logLevel });
  let askedMs: number | null = null;
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    if (askedMs !== null) {
      // Whoever asks twice does not want to wait. But after a Ctrl-C the signal comes from the terminal and from npm.
      if (clock.monotonicMs() - askedMs >= sameRequestMs) process.exit(1);
      return;
    }
    askedMs = clock.monotonicMs();
    logger.info({ signal }, 'shutting down');
    // During the start: what it has opened must be closed.
    await (await starting).stop();
    logger.info('stopped');
    process.exit(0);
  };
  process.on('SIGTERM', (signal) => void stop(signal));
  process.on('SIGINT', (signal) => void stop(signal));
  onHangup = (signal) => {
    if (config.monitorsFile === null) {
      logger.info({ signal }, 'there is no document of monitors to read again');
      return;
    }
    logger.info({ signal, path: config.monitorsFile }, 'reading the document of monitors again');
    void starting.then((app) => app.reloadMonitors());
  };
  const lookUpEnv = envLookup({ env: process.env, readFile: (path) => readFileSync(path, 'utf8') });
  const starting = startApp({ config, clock, logger, random: Math.random, newId, lookUpEnv, programs }).catch((error) =>
    fail(`Tocsin cannot start: ${startProblem(error, config)}\n`),
  );
  await starting;
}

/** Programs get nothing else of the environment: it holds secrets. */
function inheritedEnvironment(): Record<string, string> {
  return Object.fromEntries(
    ['PATH', 'HOME', 'LANG'].flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It is gone.
  }
}

async function testAlert(config: Config): Promise<void> {
  // In step with what is printed beside it.
  const logger = pino({ level: config.logLevel }, pino.destination({ sync: true }));
  const rules = new EgressRules({ allow: config.egressAllow ?? [], deny: config.egressDeny ?? [] });
  const { http } = new Egress({ clock, rules });
  const ports = { clock, logger, http, signingSecret: readSecret(config) };
  const notifier = alertNotifier({ uri: config.alertUri, method: config.alertMethod, ports });
  if (config.alertUri === null) {
    process.stdout.write('PING_ALERT_URI is not set: alerts only go to the log, like this one:\n');
  }
  const { ok, lines } = await sendTestAlert({ notifier, clock, newId });
  for (const line of lines) process.stdout.write(`${line}\n`);
  process.exitCode = ok ? 0 : 1;
}

function readSecret({ webhookSecret, dataDir }: Config): string {
  try {
    return loadOrCreateWebhookSecret({ configured: webhookSecret, path: join(dataDir, 'webhook-secret') });
  } catch (error) {
    fail(`The alert cannot be signed: ${(error as Error).message}\n`);
  }
}

function startProblem(error: unknown, { host, port, dataDir }: Config): string {
  if (error instanceof StoreError || error instanceof ManagedMonitorsError) return error.message;
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} on ${host} is in use: stop what uses it, or set PORT (0 takes a free one)`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `HOST ${host} does not resolve`;
    case 'EADDRNOTAVAIL':
      return `HOST ${host} is no address of this machine`;
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return `no permission (${message}); check PORT and TOCSIN_DATA_DIR (${dataDir})`;
    default:
      return message ?? String(error);
  }
}

function fail(text: string): never {
  process.stderr.write(text);
  process.exit(1);
}
