import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Notice } from '../../../server/engine/domain/notice.ts';
import { type ExecSettings, execKind } from '../../../server/notify/exec/exec-kind.ts';
import { ExecNotifier } from '../../../server/notify/exec/exec-notifier.ts';
import type { Verdict } from '../../../server/notify/notifier.ts';
import { webhookPayload } from '../../../server/notify/webhook/webhook-payload.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { downNotice } from '../notifier-contract.ts';
import { portsForTests } from '../ports-for-tests.ts';

const clock = new FakeClock(1_800_000_000_000);
const secret = 'S3CRET-token';
const down = downNotice(clock.wallMs(), { severity: 'error', tags: ['db', 'prod'] });

/** A folder with a program "tell" of this shell script. */
async function folderWith(t: Test, script: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tocsin-exec-'));
  t.teardown(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'tell'), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, 'tell'), 0o755);
  return folder;
}

type Options = {
  folder: string | null;
  settings?: Partial<ExecSettings>;
  timeoutMs?: number;
  signal?: AbortSignal;
  notices?: [Notice, ...Notice[]];
};

/** One attempt; what holds for every verdict is checked here. */
async function send(t: Test, options: Options): Promise<Verdict> {
  const {
    folder,
    settings = {},
    timeoutMs = 20_000,
    signal = new AbortController().signal,
    notices = [down],
  } = options;
  const parsed = execKind.settings.parse({ program: 'tell', environment: { TOKEN: secret }, ...settings });
  const ports = { ...portsForTests(clock), execDir: folder };
  const notifier = new ExecNotifier({ settings: parsed, ports, timeoutMs });
  const verdict = await notifier.send({ id: 'msg_1', notices, attempt: 3, endedDigests: [] }, signal);
  t.notMatch(JSON.stringify(verdict), secret);
  t.ok(verdict.detail !== '' && verdict.detail.length <= 300, verdict.detail);
  t.ok((verdict.answer ?? '').length <= 500);
  return verdict;
}

/** What the program wrote to a file in its folder, which it is started in. */
function written(folder: string, name = 'out'): string {
  return readFileSync(join(folder, name), 'utf8');
}

t.test('a program is told in its environment, its arguments, and by a line of JSON', async (t) => {
  process.env.TOCSIN_TOKEN = 'of-the-server';
  t.teardown(() => delete process.env.TOCSIN_TOKEN);
  const folder = await folderWith(t, 'cat > out; env -0 > env; for a; do echo "[$a]"; done > args; echo done');
  const given = ['a b', '$(touch evil)', '-x', ''];
  const verdict = await send(t, { folder, settings: { arguments: given } });
  t.same(verdict, { kind: 'ok', detail: 'exit code 0', answer: 'done' });
  t.same(JSON.parse(written(folder)), webhookPayload(down));
  t.equal(written(folder, 'args'), '[a b]\n[$(touch evil)]\n[-x]\n[]\n');
  const environment = Object.fromEntries(
    written(folder, 'env')
      .split('\0')
      .filter((line) => line !== '')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  t.match(environment, {
    TOKEN: secret,
    TOCSIN_DELIVERY_ID: 'msg_1',
    TOCSIN_ATTEMPT: '3',
    TOCSIN_COUNT: '1',
    TOCSIN_STATUS: 'down',
    TOCSIN_STATE: 'firing',
    TOCSIN_NAME: 'backup',
    TOCSIN_SEVERITY: 'error',
    TOCSIN_INCIDENT_ID: 'i-1',
    TOCSIN_REASON: 'missed',
    TOCSIN_TITLE: 'backup is DOWN',
    TOCSIN_TEXT: /^backup is DOWN: no ping since/,
    TOCSIN_TAGS: 'db,prod',
    TOCSIN_DOWN_SINCE: String(Math.floor(down.downSinceMs / 1000)),
    TOCSIN_RECOVERED_AT: '',
  });
  // The shell adds some, and the test runner, which puts itself into every child.
  const added = /^(TOCSIN_.*|TOKEN|PATH|PWD|OLDPWD|SHLVL|_|NODE_.*|_?TAP.*)$/;
  t.same(
    Object.keys(environment).filter((name) => !added.test(name)),
    [],
  );
  t.notOk('TOCSIN_TOKEN' in environment, 'secrets of the server stay with it');
});

t.test('a digest is a line for each monitor', async (t) => {
  const folder = await folderWith(
    t,
    'cat > out; echo "$TOCSIN_STATUS $TOCSIN_COUNT $TOCSIN_SEVERITY $TOCSIN_NAME" > env',
  );
  const notices = Array.from({ length: 10_000 }, (_, index) =>
    downNotice(clock.wallMs(), { name: `job-${index}`, incidentId: `i-${index}`, severity: 'warning' }),
  ) as [Notice, ...Notice[]];
  t.match(await send(t, { folder, notices: [...notices, { ...notices[0], type: 'up' }] }), { kind: 'ok' });
  const lines = written(folder).trimEnd().split('\n');
  t.equal(lines.length, 10_000);
  t.match(JSON.parse(lines[0]!), { type: 'monitor.up', data: { name: 'job-0' } });
  t.equal(written(folder, 'env'), 'digest 10000 warning \n');
});

t.test('what became of it', async (t) => {
  const retryable = { kind: 'retryable', reason: 'receiver' };
  const table: [what: string, script: string, expected: object][] = [
    ['exit code 1', 'echo no >&2; exit 1', { ...retryable, detail: 'exit code 1: no', answer: 'no' }],
    ['EX_TEMPFAIL', 'exit 75', { ...retryable, detail: 'exit code 75' }],
    ['EX_CONFIG', 'exit 78', retryable],
    ['EX_DATAERR', 'exit 65', { kind: 'permanent', reason: 'receiver', detail: 'exit code 65' }],
    ['a command that is not there', 'no-such-command-of-tocsin', { ...retryable, detail: /^exit code 127: / }],
    ['ends itself by a signal', 'kill -TERM $$', { ...retryable, detail: 'the program was ended by SIGTERM' }],
    ['reads nothing', 'exec 0<&-; exit 0', { kind: 'ok' }],
    ['says what it was given', 'echo "$TOKEN" "$TOKEN"; exit 3', { ...retryable, detail: 'exit code 3: *** ***' }],
    ['a lot, and binary', 'head -c 3000000 /dev/zero; printf "\\377\\n"; exit 0', { kind: 'ok' }],
    ['a lot of text', 'yes long | head -c 3000000; exit 2', { ...retryable, detail: /^exit code 2: long long .*…$/ }],
    [
      'leaves nothing of a secret at the end',
      'head -c 1020 /dev/zero | tr "\\0" x; printf S3CRET-token',
      { kind: 'ok' },
    ],
    ['closes its output, and goes on a little', 'exec >&- 2>&-; sleep 0.1; exit 4', { detail: 'exit code 4' }],
  ];
  for (const [what, script, expected] of table) {
    const notices = Array.from({ length: 1_000 }, (_, index) => downNotice(clock.wallMs(), { name: `job-${index}` }));
    const folder = await folderWith(t, script);
    t.match(await send(t, { folder, notices: notices as [Notice, ...Notice[]] }), expected, what);
  }
});

t.test('programs that cannot be run', async (t) => {
  const folder = await folderWith(t, 'exit 0');
  const outside = await folderWith(t, 'touch ran');
  await symlink(join(outside, 'tell'), join(folder, 'out-by-link'));
  await symlink(outside, join(folder, 'folder-by-link'));
  await symlink(join(folder, 'tell'), join(folder, 'within'));
  await mkdir(join(folder, 'folder'));
  await writeFile(join(folder, 'not-executable'), '#!/bin/sh\n');
  await writeFile(join(folder, 'no-interpreter'), '#!/no/such/shell\n', { mode: 0o755 });
  const table: [program: string, detail: RegExp][] = [
    ['missing', /there is no such program in TOCSIN_EXEC_DIR/],
    ['out-by-link', /outside TOCSIN_EXEC_DIR/],
    ['folder-by-link', /outside TOCSIN_EXEC_DIR/],
    ['folder', /not a file/],
    ['not-executable', /could not be started \(EACCES\)/],
    ['no-interpreter', /could not be started \(ENOENT\)/],
  ];
  for (const [program, detail] of table) {
    const verdict = await send(t, { folder, settings: { program } });
    t.match(verdict, { kind: 'retryable', reason: 'receiver', detail }, program);
  }
  t.match(await send(t, { folder, settings: { program: 'within' } }), { kind: 'ok' }, 'a link within the folder');
  t.match(await send(t, { folder: null }), { kind: 'retryable', detail: /TOCSIN_EXEC_DIR is not set/ });
  t.match(await send(t, { folder: join(folder, 'gone') }), { kind: 'retryable', detail: /no such program/ });
  t.notOk(existsSync(join(outside, 'ran')));
  t.notOk(existsSync(join(folder, 'ran')));
});

t.test('a program that takes too long is killed with all that it started', async (t) => {
  const folder = await folderWith(t, 'sleep 60 & echo $! > child; echo $$ > own; echo waiting; trap "" TERM; wait');
  const verdict = await send(t, { folder, timeoutMs: 2_000 });
  t.match(verdict, {
    kind: 'retryable',
    reason: 'timeout',
    detail: /within 2 s, and was killed: waiting/,
    answer: 'waiting',
  });
  for (const name of ['own', 'child']) await ended(Number(written(folder, name)));
});

t.test('what it leaves in the background keeps its output: its exit code counts', async (t) => {
  const folder = await folderWith(t, 'sleep 60 & echo $! > child; exit 0');
  t.match(await send(t, { folder, timeoutMs: 2_000 }), { kind: 'ok' });
  process.kill(Number(written(folder, 'child')), 'SIGKILL');
});

t.test('can be cut off: the program is killed', async (t) => {
  const folder = await folderWith(t, 'echo $$ > own.tmp; mv own.tmp own; sleep 60');
  const abort = new AbortController();
  const pending = send(t, { folder, signal: abort.signal });
  while (!existsSync(join(folder, 'own'))) await new Promise((resolve) => setTimeout(resolve, 10));
  abort.abort();
  t.match(await pending, { kind: 'retryable', reason: 'aborted' });
  await ended(Number(written(folder, 'own')));
  t.match(await send(t, { folder, signal: AbortSignal.abort() }), { kind: 'retryable', reason: 'aborted' });
});

/** Until no process has this id, or only as one that nobody has waited for yet. */
async function ended(pid: number): Promise<void> {
  const isRunning = (): boolean => {
    try {
      process.kill(pid, 0);
      const status = `/proc/${pid}/stat`;
      return !existsSync(status) || !/\) Z /.test(readFileSync(status, 'utf8'));
    } catch {
      return false;
    }
  };
  while (isRunning()) await new Promise((resolve) => setTimeout(resolve, 10));
}

t.test('settings that are wrong are refused, naming the field, without secrets', (t) => {
  t.same(execKind.settings.parse({ program: 'tell.sh' }), {
    program: 'tell.sh',
    arguments: [],
    environment: {},
    timeout: '10s',
  });
  t.match(execKind.settings.parse({ program: '..tell', timeout: '' }), { timeout: '10s' });
  const wrong: [field: string, fields: object][] = [
    ['program', { program: undefined }],
    ['program', { program: '' }],
    ['program', { program: '..' }],
    ['program', { program: '.' }],
    ['program', { program: '../tell' }],
    ['program', { program: '/bin/sh' }],
    ['program', { program: 'a\0b' }],
    ['arguments', { arguments: Array.from({ length: 21 }, String) }],
    ['arguments.0', { arguments: ['a\0b'] }],
    ['environment.1A', { environment: { '1A': secret } }],
    ['environment.A-B', { environment: { 'A-B': secret } }],
    ['environment.TOCSIN_NAME', { environment: { TOCSIN_NAME: secret } }],
    ['environment.PATH', { environment: { PATH: secret } }],
    ['environment.LD_PRELOAD', { environment: { LD_PRELOAD: secret } }],
    ['environment.BASH_ENV', { environment: { BASH_ENV: secret } }],
    ['environment.A', { environment: { A: `${secret}\0` } }],
    ['environment', { environment: Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`A${index}`, 'x'])) }],
    ['timeout', { timeout: '0s' }],
    ['timeout', { timeout: '31s' }],
    ['timeout', { timeout: 'soon' }],
    ['', { more: 1 }],
  ];
  for (const [field, fields] of wrong) {
    const { error } = execKind.settings.safeParse({ program: 'tell', ...fields });
    t.equal(error?.issues[0]?.path.join('.'), field, JSON.stringify(fields));
    t.notMatch(error?.message, secret);
  }
  t.end();
});
