import t from 'tap';
import { type Environment, parseConfig } from '../../server/config/parse-config.ts';
import type { Config } from '../../server/config/settings.ts';

const defaults: Config = {
  host: '127.0.0.1',
  port: 4000,
  dataDir: './data',
  monitorsFile: null,
  durability: 'process',
  token: null,
  pingKey: null,
  alertUri: null,
  alertMethod: 'POST',
  alertRepeatMs: null,
  digestAbove: 5,
  flapDowns: 5,
  webhookSecret: null,
  egressAllow: null,
  egressDeny: null,
  execDir: null,
  watchdogUrl: null,
  watchdogEveryMs: 60_000,
  defaultGraceMs: 0,
  blindHoldMaxMs: 3_600_000,
  maxMonitors: 1_000_000,
  maxBodyBytes: 1_048_576,
  beatsPerMonitor: 1_000,
  beatsMaxAgeMs: 90 * 86_400_000,
  historyBytes: 2 * 2 ** 30,
  logLevel: 'info',
};
const token = 'correct-horse-battery';
const webhookSecret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

function parse(env: Environment, options: { files?: Record<string, string>; insecureNoAuth?: boolean } = {}) {
  const { files = {}, insecureNoAuth = false } = options;
  const readFile = (path: string) => {
    const text = files[path];
    if (text === undefined) throw new Error(`ENOENT: no such file or directory, open '${path}'`);
    return text;
  };
  return parseConfig({ env, readFile, insecureNoAuth });
}

function errorsOf(env: Environment, options?: Parameters<typeof parse>[1]): string[] {
  const parsed = parse(env, options);
  return parsed.ok ? [] : parsed.errors;
}

t.test('an empty environment gives the defaults', async (t) => {
  t.same(parse({}), { ok: true, config: defaults });
});

t.test('an empty variable counts as unset', async (t) => {
  const env = { PORT: '', TOCSIN_TOKEN: '', TOCSIN_TOKEN_FILE: '', TOCSIN_WHATEVER: '', PING_ALERT_URI: undefined };
  t.same(parse(env), { ok: true, config: defaults });
});

t.test('every setting is read', async (t) => {
  const env = {
    HOST: '::',
    PORT: '0',
    TOCSIN_DATA_DIR: '/var/lib/tocsin',
    TOCSIN_CONFIG: '/etc/tocsin/monitors.yaml',
    TOCSIN_DURABILITY: 'power',
    TOCSIN_TOKEN: token,
    TOCSIN_PING_KEY: 'fqOOd6-F4MMNuCEnzTU01w',
    PING_ALERT_URI: 'https://user:p%40ss@hooks.example.com/T1/B2?x=1',
    PING_ALERT_METHOD: 'GET',
    TOCSIN_ALERT_REPEAT: '60s',
    TOCSIN_DIGEST_ABOVE: '1000000',
    TOCSIN_FLAPPING: '0',
    TOCSIN_WEBHOOK_SECRET: webhookSecret,
    TOCSIN_WATCHDOG_URL: 'https://watch.example/ping/1',
    TOCSIN_WATCHDOG_EVERY: '10s',
    TOCSIN_DEFAULT_GRACE: '5m',
    TOCSIN_BLIND_HOLD_MAX: '0s',
    TOCSIN_MAX_MONITORS: '1',
    TOCSIN_MAX_BODY_BYTES: '2048',
    TOCSIN_BEATS_PER_MONITOR: '1',
    TOCSIN_BEATS_MAX_AGE: '1D',
    TOCSIN_HISTORY_BYTES: '16777216',
    TOCSIN_EGRESS_ALLOW: ' 169.254.0.0/16, FD00::1,, *.Corp.Example ,büro.example.',
    TOCSIN_EGRESS_DENY: 'all',
    TOCSIN_EXEC_DIR: '/etc/tocsin/programs',
    LOG_LEVEL: 'silent',
  };
  t.same(parse(env), {
    ok: true,
    config: {
      host: '::',
      port: 0,
      dataDir: '/var/lib/tocsin',
      monitorsFile: '/etc/tocsin/monitors.yaml',
      durability: 'power',
      token,
      pingKey: 'fqOOd6-F4MMNuCEnzTU01w',
      alertUri: 'https://user:p%40ss@hooks.example.com/T1/B2?x=1',
      alertMethod: 'GET',
      alertRepeatMs: 60_000,
      digestAbove: 1_000_000,
      flapDowns: 0,
      webhookSecret,
      egressAllow: ['169.254.0.0/16', 'fd00::1', '*.corp.example', 'xn--bro-hoa.example'],
      egressDeny: ['all'],
      execDir: '/etc/tocsin/programs',
      watchdogUrl: 'https://watch.example/ping/1',
      watchdogEveryMs: 10_000,
      defaultGraceMs: 300_000,
      blindHoldMaxMs: 0,
      maxMonitors: 1,
      maxBodyBytes: 2048,
      beatsPerMonitor: 1,
      beatsMaxAgeMs: 86_400_000,
      historyBytes: 16_777_216,
      logLevel: 'silent',
    },
  });
});

t.test('wrong values, one by one: the variable, what was given, what is valid', async (t) => {
  const cases: [string, string[], RegExp][] = [
    ['PORT', ['x', '65536', '-1', '1.5', '0x50', ' 80', '1e3', '9'.repeat(40)], /a whole number from 0 to 65535$/],
    ['HOST', ['http://a', 'a:80', '[::1]', 'a b', '300.1.1.1', '127.1', '-a', 'a..b', 'x'.repeat(64)], /an IP address/],
    ['PING_ALERT_URI', ['example.com', 'ftp://a', 'http://', 'http:/a', 'http://a b', ' http://a'], /http/],
    ['PING_ALERT_METHOD', ['PUT', 'post'], /one of POST, GET$/],
    ['TOCSIN_ALERT_REPEAT', ['9s', 'on', '10', '367D', 'OFF'], /off, or a whole number .* from 10s to 366D$/],
    ['TOCSIN_DEFAULT_GRACE', ['10', '1.5h', '-5m', '10M', '367D'], /such as 10m, from 0s to 366D$/],
    ['TOCSIN_WATCHDOG_EVERY', ['9s', '2D', 'off'], /from 10s to 1D$/],
    ['TOCSIN_BLIND_HOLD_MAX', ['10ms', 'off'], /such as 10m/],
    ['TOCSIN_MAX_MONITORS', ['0', '10000001', '1_000'], /from 1 to 10000000$/],
    ['TOCSIN_MAX_BODY_BYTES', ['1023', '67108865', '1M'], /from 1024 to/],
    ['TOCSIN_BEATS_PER_MONITOR', ['0', '20001'], /from 1 to 20000/],
    ['TOCSIN_BEATS_MAX_AGE', ['59m', '1'], /from 1h to/],
    ['TOCSIN_HISTORY_BYTES', ['16777215', '2G'], /from 16777216 to/],
    [
      'TOCSIN_EGRESS_ALLOW',
      ['10.0.0.0/33', '10.0.0/8', '::/129', '10.0.0.1/', '10.0.0.1/8/8', '*', 'a.*', '*.', 'http://a', 'a:80', 'a b'],
      /ranges such as 10\.0\.0\.0\/8/,
    ],
    ['TOCSIN_EGRESS_DENY', ['2130706433', '0x7f.1', '127.1', '[::1]', 'fe80::1%eth0', 'a@b', 'b,c d'], /host names/],
    ['LOG_LEVEL', ['INFO', 'warning', '30'], /one of trace, debug/],
  ];
  for (const [variable, texts, valid] of cases) {
    for (const text of texts) {
      const errors = errorsOf({ [variable]: text });
      t.equal(errors.length, 1, `${variable}=${text}`);
      t.ok(errors[0]!.startsWith(`${variable}: "`), errors[0]!);
      t.match(errors[0], valid);
      if (variable !== 'PING_ALERT_URI') t.ok(errors[0]!.includes(JSON.stringify(text)), errors[0]!);
    }
  }
});

t.test('all wrong settings are reported together', async (t) => {
  const errors = errorsOf({ PORT: 'x', LOG_LEVEL: 'y', HOST: '0.0.0.0', TOCSIN_TOKN: 'z', TOCSIN_WEBHOOK_SECRET: 'w' });
  t.same(
    errors.map((error) => error.split(':')[0]),
    ['PORT', 'TOCSIN_WEBHOOK_SECRET', 'LOG_LEVEL', 'TOCSIN_TOKN', 'HOST'],
  );
});

t.test('errors show no secrets, and clip what is long', async (t) => {
  const secrets = ['short', 'with space in the middle', 'ümläute-ümläute-ümläute'];
  for (const secret of secrets) {
    for (const errors of [
      errorsOf({ TOCSIN_TOKEN: secret }),
      errorsOf({ TOCSIN_TOKEN_FILE: '/run/t' }, { files: { '/run/t': secret } }),
    ]) {
      t.equal(errors.length, 1);
      t.match(errors[0], /^TOCSIN_TOKEN(_FILE)?: .*16 to 512 characters/);
      t.notOk(errors[0]!.includes(secret), errors[0]!);
    }
  }
  for (const secret of ['fqOOd6-F4MMNuCE', 'fqOOd6.F4MMNuCEnzTU01w', 'x'.repeat(129)]) {
    const [error = ''] = errorsOf({ TOCSIN_PING_KEY: secret });
    t.match(error, /16 to 128 letters, digits, - and _/);
    t.notOk(error.includes(secret), error);
  }
  const shortSecret = `whsec_${Buffer.alloc(23, 7).toString('base64')}`;
  for (const secret of [shortSecret, `whsec_${'A'.repeat(100)}`, webhookSecret.slice(6), `${webhookSecret}=`]) {
    const [error = ''] = errorsOf({ TOCSIN_WEBHOOK_SECRET: secret });
    t.match(error, /24 to 64 bytes/);
    t.notOk(error.includes(secret.slice(8, 16)), error);
  }
  const uris = [
    'ftp://user:hush@host/hush?hush',
    'http://user:hu/sh@host',
    'host/hush',
    'u:hush@host',
    '//hush@host/hush',
  ];
  for (const uri of uris) t.notMatch(errorsOf({ PING_ALERT_URI: uri })[0], /hu\/?sh/, uri);
  t.match(errorsOf({ PING_ALERT_URI: 'ftp://host/x' })[0], '"ftp://host/…"');
  t.ok(errorsOf({ LOG_LEVEL: 'x'.repeat(5000) })[0]!.length < 250);
});

t.test('secrets from files', async (t) => {
  const files = { '/run/token': `${token}\n`, '/run/hook': webhookSecret, '/run/empty': '\n' };
  const parsed = parse({ TOCSIN_TOKEN_FILE: '/run/token', TOCSIN_WEBHOOK_SECRET_FILE: '/run/hook' }, { files });
  t.same(parsed, { ok: true, config: { ...defaults, token, webhookSecret } });
  t.match(errorsOf({ TOCSIN_TOKEN_FILE: '/none' }, { files }), [/^TOCSIN_TOKEN_FILE: "\/none" cannot be read: ENOENT/]);
  t.match(errorsOf({ TOCSIN_TOKEN_FILE: '/run/empty' }, { files }), [/^TOCSIN_TOKEN_FILE: .*not valid/]);
  t.match(errorsOf({ TOCSIN_TOKEN_FILE: '/run/token', TOCSIN_TOKEN: token }, { files }), [
    /^TOCSIN_TOKEN_FILE: TOCSIN_TOKEN is set as well/,
  ]);
  t.match(errorsOf({ TOCSIN_DATA_DIR_FILE: '/run/token' }, { files }), [/there is no such setting/]);
});

t.test('a host that others reach needs a token or the flag', async (t) => {
  const open = ['0.0.0.0', '::', '192.168.1.5', 'tocsin.example.com', '128.0.0.1', 'localhost.example.com', '::2'];
  for (const HOST of open) {
    const errors = errorsOf({ HOST });
    t.equal(errors.length, 1, HOST);
    t.match(errors[0], /^HOST: .*TOCSIN_TOKEN .*--insecure-no-auth/);
    t.equal(parse({ HOST, TOCSIN_TOKEN: token }).ok, true);
    t.equal(parse({ HOST }, { insecureNoAuth: true }).ok, true);
  }
  for (const HOST of ['127.0.0.1', '127.8.9.10', '::1', 'localhost', 'LOCALHOST', '::ffff:127.0.0.1']) {
    t.equal(parse({ HOST }).ok, true, HOST);
  }
  t.match(errorsOf({ HOST: '0.0.0.0', TOCSIN_TOKEN: 'short' }), [/^TOCSIN_TOKEN:/], 'the wrong token is error enough');
});

t.test('a variable that looks like a setting and is none', async (t) => {
  const suggestions: [string, string | undefined][] = [
    ['TOCSIN_ALERT_REPAET', 'TOCSIN_ALERT_REPEAT'],
    ['PING_ALERT_URL', 'PING_ALERT_URI'],
    ['TOCSIN_PORT', 'PORT'],
    ['TOCSIN_LOG_LEVEL', 'LOG_LEVEL'],
    ['TOCSIN_TOKEN_FIL', 'TOCSIN_TOKEN_FILE'],
    ['TOCSIN_MAX_MONITOR', 'TOCSIN_MAX_MONITORS'],
    ['TOCSIN_SOMETHING_ELSE_ALTOGETHER', undefined],
  ];
  for (const [variable, nearest] of suggestions) {
    const hint = nearest ? `did you mean ${nearest}?` : '--help lists all';
    t.same(errorsOf({ [variable]: '1' }), [`${variable}: there is no such setting; ${hint}`]);
  }
});

t.test('variables of others are left alone', async (t) => {
  const env = {
    TOCSIN_URL: 'http://127.0.0.1:4000',
    TOCSIN_SERVICE_HOST: '10.0.0.1',
    TOCSIN_SERVICE_PORT: '4000',
    TOCSIN_SERVICE_PORT_HTTP: '4000',
    TOCSIN_PORT: 'tcp://10.0.0.1:4000',
    TOCSIN_PORT_4000_TCP: 'tcp://10.0.0.1:4000',
    TOCSIN_PORT_4000_TCP_ADDR: '10.0.0.1',
    PATH: '/bin',
    MY_TOCSIN_TOKEN: 'x',
  };
  t.same(parse(env), { ok: true, config: defaults });
});
