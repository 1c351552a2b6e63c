import { BlockList, isIP } from 'node:net';
import { type Config, type Setting, settings } from './settings.ts';
import { describeUnknown, unknownVariables } from './unknown-variables.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export type ParsedConfig = { ok: true; config: Config } | { ok: false; errors: string[] };

/**
 * Reads all settings from the environment. Every wrong one is in `errors`, a line each that names the variable, what was
 * given (never of a secret) and what is valid. An empty variable counts as unset.
 *
 * `readFile` returns the text of the file that a `*_FILE` variable names, or throws. `insecureNoAuth` allows a host
 * that others can reach without a token; pass true for a command that does not listen.
 */
export function parseConfig(options: {
  env: Environment;
  readFile: (path: string) => string;
  insecureNoAuth: boolean;
}): ParsedConfig {
  const { env, readFile, insecureNoAuth } = options;
  const errors: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries<Setting<unknown>>(settings)) {
    const read = readSetting(setting, { env, readFile });
    if (read.ok) values[name] = read.value;
    else errors.push(read.error);
  }
  for (const variable of unknownVariables(env)) errors.push(describeUnknown(variable));

  const { host } = values;
  if (typeof host === 'string' && values.token === null && !insecureNoAuth && !isLoopback(host)) {
    errors.push(
      `HOST: ${JSON.stringify(host)} can be reached from other machines, and no token is set; ` +
        'set TOCSIN_TOKEN (or TOCSIN_TOKEN_FILE), or start with --insecure-no-auth to let everyone in',
    );
  }
  // Every name of `settings` has its value when there was no error.
  return errors.length === 0 ? { ok: true, config: values as Config } : { ok: false, errors };
}

type ReadSetting = { ok: true; value: unknown } | { ok: false; error: string };
type Sources = { env: Environment; readFile: (path: string) => string };

function readSetting(setting: Setting<unknown>, sources: Sources): ReadSetting {
  const given = givenText(setting, sources);
  if (!given.ok) return given;
  const { text, source } = given;
  if (text === null) return { ok: true, value: null };
  const parsed = setting.schema.safeParse(text);
  if (parsed.success) return { ok: true, value: parsed.data };
  return { ok: false, error: `${source}: ${showGiven(text, setting.shown)}; must be ${setting.valid}` };
}

type GivenText = { ok: true; text: string | null; source: string } | { ok: false; error: string };

function givenText({ variable, shown, ...setting }: Setting<unknown>, { env, readFile }: Sources): GivenText {
  const direct = env[variable] ?? '';
  const fileVariable = `${variable}_FILE`;
  const file = shown === 'secret' ? (env[fileVariable] ?? '') : '';
  if (direct !== '' && file !== '') {
    return { ok: false, error: `${fileVariable}: ${variable} is set as well; set one of the two` };
  }
  if (file === '') return { ok: true, text: direct === '' ? setting.default : direct, source: variable };
  try {
    return { ok: true, text: readFile(file).replace(/\r?\n$/, ''), source: fileVariable };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { ok: false, error: `${fileVariable}: ${JSON.stringify(file)} cannot be read: ${reason}` };
  }
}

function showGiven(text: string, shown: Setting<unknown>['shown']): string {
  if (shown === 'secret') return 'the value (not shown here) is not valid';
  const open = shown === 'uri' ? withoutSecrets(text) : text;
  const clipped = open.length > 80 ? `${open.slice(0, 80)}…` : open;
  return `${JSON.stringify(clipped)} is not valid`;
}

/** Scheme and host of what should be a URL: its user, path and query are often secrets of the receiver. */
function withoutSecrets(text: string): string {
  const [scheme = ''] = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text) ?? [];
  const rest = text.slice(scheme.length);
  const user = rest.lastIndexOf('@') + 1;
  const afterUser = rest.slice(user);
  const end = afterUser.search(/[/?#]/);
  return `${scheme}${user > 0 ? '…@' : ''}${end < 0 ? afterUser : `${afterUser.slice(0, end)}/…`}`;
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8);
loopback.addAddress('::1', 'ipv6');

function isLoopback(host: string): boolean {
  const family = isIP(host);
  if (family === 0) return host.toLowerCase() === 'localhost';
  return loopback.check(host, family === 6 ? 'ipv6' : 'ipv4');
}
