import type { z } from 'zod';
import { egressList } from './egress-list.ts';
import {
  duration,
  durationOrOff,
  host,
  httpUri,
  oneOf,
  path,
  pingKey,
  type SettingKind,
  token,
  webhookSecret,
  wholeNumber,
} from './setting-kinds.ts';

/** One setting. Parsing, `--help` and the README's table all come from this declaration. */
export type Setting<Value> = SettingKind<Value> & {
  /** The environment variable. */
  variable: string;
  /** What an unset variable stands for, as text of the same kind; null: the value is then null. */
  default: string | null;
  /** The default as people read it, where it is not the text itself. */
  defaultText?: string;
  unit: string;
  /** A sentence or two, without default and range. */
  description: string;
  /**
   * What an error may show of a wrong value: `plain` all of it, `uri` no more than scheme and host, `secret` nothing.
   * A secret can also be given as a file, by the variable's name and `_FILE`.
   */
  shown: 'plain' | 'uri' | 'secret';
};

/** Every setting, by its name in the configuration, in the order of the documentation. */
export const settings = {
  host: setting(host(), {
    variable: 'HOST',
    default: '127.0.0.1',
    unit: 'address',
    description: 'Where to listen. Other than a loopback address it needs TOCSIN_TOKEN or --insecure-no-auth.',
    shown: 'plain',
  }),
  port: setting(wholeNumber({ min: 0, max: 65535 }), {
    variable: 'PORT',
    default: '4000',
    unit: 'port',
    description: 'TCP port. 0 takes a free one, which the "listening" line of the log tells.',
    shown: 'plain',
  }),
  dataDir: setting(path(), {
    variable: 'TOCSIN_DATA_DIR',
    default: './data',
    unit: 'folder',
    description: 'Where the state is kept. Created when it is missing; one server at a time.',
    shown: 'plain',
  }),
  monitorsFile: optional(path(), {
    variable: 'TOCSIN_CONFIG',
    defaultText: 'none',
    unit: 'file',
    description: 'Document of monitors (YAML or JSON) applied at start and on SIGHUP. --config takes precedence.',
    shown: 'plain',
  }),
  durability: setting(oneOf(['process', 'power']), {
    variable: 'TOCSIN_DURABILITY',
    default: 'process',
    unit: 'kind',
    description: 'What an acknowledged ping survives: the death of the process, or a power cut as well (slower).',
    shown: 'plain',
  }),
  token: optional(token(), {
    variable: 'TOCSIN_TOKEN',
    defaultText: 'none',
    unit: 'secret',
    description: 'The bearer token that calls must carry. None: they need no token.',
    shown: 'secret',
  }),
  pingKey: optional(pingKey(), {
    variable: 'TOCSIN_PING_KEY',
    defaultText: 'none',
    unit: 'secret',
    description:
      'Opens /hc/{ping_key}/{name}, the URLs of Healthchecks. None: closed, or any key if there is no token.',
    shown: 'secret',
  }),
  alertUri: optional(httpUri(), {
    variable: 'PING_ALERT_URI',
    defaultText: 'none',
    unit: 'URL',
    description: 'Where alerts are sent; user:password@ is sent as Basic authorization. None: alerts go to the log.',
    shown: 'uri',
  }),
  alertMethod: setting(oneOf(['POST', 'GET']), {
    variable: 'PING_ALERT_METHOD',
    default: 'POST',
    unit: 'method',
    description: 'POST sends signed JSON. GET sends ?name=&last_ping=, downs and repeats only.',
    shown: 'plain',
  }),
  alertRepeatMs: setting(durationOrOff({ minMs: 10_000 }), {
    variable: 'TOCSIN_ALERT_REPEAT',
    default: 'off',
    unit: 'duration',
    description: 'How often an alert is repeated while its monitor is down.',
    shown: 'plain',
  }),
  digestAbove: setting(wholeNumber({ min: 1, max: 1_000_000 }), {
    variable: 'TOCSIN_DIGEST_ABOVE',
    default: '5',
    unit: 'alerts',
    description: 'So many alerts within a minute go to PING_ALERT_URI one by one; more go as one digest.',
    shown: 'plain',
  }),
  flapDowns: setting(wholeNumber({ min: 0, max: 20 }), {
    variable: 'TOCSIN_FLAPPING',
    default: '5',
    unit: 'downs',
    description:
      'A monitor that goes down so often within an hour flaps: that is told once, and nothing more until it is steady. 0: off.',
    shown: 'plain',
  }),
  webhookSecret: optional(webhookSecret(), {
    variable: 'TOCSIN_WEBHOOK_SECRET',
    defaultText: 'generated',
    unit: 'secret',
    description: 'Signs the alerts (Standard Webhooks). Unset: one is generated and kept in the data folder.',
    shown: 'secret',
  }),
  egressAllow: optional(egressList(), {
    variable: 'TOCSIN_EGRESS_ALLOW',
    defaultText: 'none',
    unit: 'list',
    description:
      'Where alerts may go although it is refused by default: link-local and cloud metadata addresses, and what ' +
      'TOCSIN_EGRESS_DENY=all refuses.',
    shown: 'plain',
  }),
  egressDeny: optional(egressList(), {
    variable: 'TOCSIN_EGRESS_DENY',
    defaultText: 'none',
    unit: 'list',
    description:
      'Where alerts may not go: addresses, ranges, host names, *.domain. all: nowhere but to TOCSIN_EGRESS_ALLOW.',
    shown: 'plain',
  }),
  execDir: optional(path(), {
    variable: 'TOCSIN_EXEC_DIR',
    defaultText: 'none',
    unit: 'folder',
    description: 'Programs that channels of kind exec may run. None: there are no such channels.',
    shown: 'plain',
  }),
  watchdogUrl: optional(httpUri(), {
    variable: 'TOCSIN_WATCHDOG_URL',
    defaultText: 'none',
    unit: 'URL',
    description: 'Requested (GET) while this server gets on: it listens, its store works, alerts go out.',
    shown: 'uri',
  }),
  watchdogEveryMs: setting(duration({ minMs: 10_000, maxMs: 86_400_000 }), {
    variable: 'TOCSIN_WATCHDOG_EVERY',
    default: '60s',
    unit: 'duration',
    description: 'How often TOCSIN_WATCHDOG_URL is requested.',
    shown: 'plain',
  }),
  defaultGraceMs: setting(duration({ minMs: 0 }), {
    variable: 'TOCSIN_DEFAULT_GRACE',
    default: '0s',
    unit: 'duration',
    description: 'Grace of a ping that names none.',
    shown: 'plain',
  }),
  blindHoldMaxMs: setting(duration({ minMs: 0 }), {
    variable: 'TOCSIN_BLIND_HOLD_MAX',
    default: '1h',
    unit: 'duration',
    description: 'Longest time that an alert waits after the server itself was not listening.',
    shown: 'plain',
  }),
  maxMonitors: setting(wholeNumber({ min: 1, max: 10_000_000 }), {
    variable: 'TOCSIN_MAX_MONITORS',
    default: '1000000',
    unit: 'monitors',
    description: 'Most monitors there may be. Pings of further names are refused.',
    shown: 'plain',
  }),
  maxBodyBytes: setting(wholeNumber({ min: 1024, max: 67_108_864 }), {
    variable: 'TOCSIN_MAX_BODY_BYTES',
    default: '1048576',
    unit: 'bytes',
    description: 'Largest body of a request, and largest message of a stream.',
    shown: 'plain',
  }),
  beatsPerMonitor: setting(wholeNumber({ min: 1, max: 20_000 }), {
    variable: 'TOCSIN_BEATS_PER_MONITOR',
    default: '1000',
    unit: 'beats',
    description: 'Beats of each monitor kept as history, the newest.',
    shown: 'plain',
  }),
  beatsMaxAgeMs: setting(duration({ minMs: 3_600_000 }), {
    variable: 'TOCSIN_BEATS_MAX_AGE',
    default: '90D',
    unit: 'duration',
    description: 'How long beats are kept at most. What each day came to is kept for 400 days.',
    shown: 'plain',
  }),
  historyBytes: setting(wholeNumber({ min: 16_777_216, max: 2 ** 46 }), {
    variable: 'TOCSIN_HISTORY_BYTES',
    default: '2147483648',
    unit: 'bytes',
    description: 'Disk that the history may take. When it is reached the oldest beats go, never the counts of days.',
    shown: 'plain',
  }),
  logLevel: setting(oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']), {
    variable: 'LOG_LEVEL',
    default: 'info',
    unit: 'level',
    description: 'The least severe level that is logged. The log is JSON lines on standard output.',
    shown: 'plain',
  }),
};

/** The values of all settings. Units are in the names; null as the setting's description says. */
export type Config = { [Name in keyof typeof settings]: z.output<(typeof settings)[Name]['schema']> };

type Declaration = Omit<Setting<unknown>, keyof SettingKind<unknown> | 'default'>;

function setting<Value>(kind: SettingKind<Value>, declaration: Declaration & { default: string }): Setting<Value> {
  return { ...kind, ...declaration };
}

/** A setting without a default value: null when it is unset. */
function optional<Value>(
  kind: SettingKind<Value>,
  declaration: Declaration & { defaultText: string },
): Setting<Value | null> {
  return { ...kind, ...declaration, default: null };
}
