import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import t, { type Test } from 'tap';
import { untraced } from '../support/untraced.ts';
import { applied, failing, hang, ScriptedServer } from './scripted-server.ts';

const SDK = new URL('../../sdk/src/sdk.ts', import.meta.url).href;

type Exit = { code: number | null; stdout: string; stderr: string };

/** Runs a module in a process of its own until it ends by itself. One that does not end fails the test by its time limit. */
function start(source: string, env: Record<string, string> = {}) {
  const program = `import { createTocsin, flush, ping, withHeartbeat } from ${JSON.stringify(SDK)};\n${source}`;
  const child = spawn(...untraced(process.execPath, ['--input-type=module', '--eval', program]), {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exit = Promise.all([
    new Promise<number | null>((resolve) => child.on('close', resolve)),
    text(child.stdout),
    text(child.stderr),
  ]).then(([code, stdout, stderr]): Exit => ({ code, stdout, stderr }));
  return { child, exit };
}

async function serverOf(t: Test, script = applied): Promise<ScriptedServer> {
  const server = await ScriptedServer.start();
  server.script = script;
  t.teardown(() => server.stop());
  return server;
}

/** A port that nobody listens on. */
async function nowhere(): Promise<string> {
  const server = await ScriptedServer.start();
  const { url } = server;
  await server.stop();
  return url;
}

t.test('a rejection that nobody handles ends the process just as without the wrapper', async (t) => {
  const server = await serverOf(t);
  const run = (wrap: string, rest: string) =>
    start(`const wrap = ${wrap};\n${rest}`, { TOCSIN_URL: server.url }).exit.then(({ code, stderr, stdout }) => ({
      code,
      stdout,
      // Source positions and the Node version differ by nature.
      thrown: /^(Error: boom|.*ERR_UNHANDLED_REJECTION.*)$/m.exec(stderr)?.[0],
    }));
  const plain = `(job) => job`;
  const wrapped = `(job) => withHeartbeat('job', '1h', job)`;
  const rests = [
    `wrap(async () => { throw new Error('boom'); })(); setTimeout(() => console.log('survived'), 200);`,
    `process.on('unhandledRejection', (error) => console.log('told of', error.message));
     wrap(async () => { throw new Error('boom'); })();`,
    `process.on('unhandledRejection', (error) => console.log('told of', error.message));
     wrap(async () => { throw new Error('boom'); })().catch(() => console.log('handled'));`,
    `wrap(async () => { throw new Error('boom'); })().catch(() => console.log('handled'));`,
    `wrap(() => { throw new Error('boom'); })();`,
    `wrap(() => Promise.reject(undefined))();`,
  ];
  for (const rest of rests) {
    const [found, wanted] = await Promise.all([run(wrapped, rest), run(plain, rest)]);
    t.same(found, wanted, rest);
  }
});

t.test('a one-shot job gets its beat out without a flush, and an idle client lets the process end', async (t) => {
  const server = await serverOf(t);
  const { exit } = start(
    `process.env.TOCSIN_URL = ${JSON.stringify(server.url)};
     process.env.TOCSIN_TOKEN = 'secret';
     await withHeartbeat('job', '1h', async () => console.log('done'))();
     setTimeout(() => ping('later', '1h'), 50);`,
  );
  t.same(await exit, { code: 0, stdout: 'done\n', stderr: '' });
  t.same(
    server.requests.map(({ pings }) => pings[0]?.name),
    ['job', 'later'],
  );
  t.equal(server.requests[0]?.headers.authorization, 'Bearer secret', 'the environment is read at the first beat');
});

t.test('a job that rejects gets its fail out, in the forms that the documents show', async (t) => {
  const server = await serverOf(t);
  const job = `const backup = withHeartbeat('backup', '1D', async () => { throw new Error('disk full'); });`;
  const caught = `.catch((error) => { console.error(error.message); process.exitCode = 1; });`;
  const { exit } = start(`${job} await backup()${caught}`, { TOCSIN_URL: server.url });
  t.same(await exit, { code: 1, stdout: '', stderr: 'disk full\n' });
  t.match(server.requests, [{ pings: [{ name: 'backup', status: 'BEAT_STATUS_FAIL', message: 'disk full' }] }]);
  server.requests.length = 0;
  const flushed = start(`${job} await backup().finally(flush);`, { TOCSIN_URL: server.url });
  t.match(await flushed.exit, { code: 1, stderr: /disk full/ });
  t.match(server.requests, [{ pings: [{ name: 'backup', status: 'BEAT_STATUS_FAIL', message: 'disk full' }] }]);
});

t.test('a client in back-off lets the process end, in silence', async (t) => {
  const server = await serverOf(t, failing(503));
  const { exit } = start(`withHeartbeat('job', '1h', () => console.log('done'))();`, { TOCSIN_URL: server.url });
  t.same(await exit, { code: 0, stdout: 'done\n', stderr: '' });
  t.equal(server.requests.length, 1);
  const absent = start(`ping('job', '1h'); console.log('done');`, { TOCSIN_URL: await nowhere() });
  t.same(await absent.exit, { code: 0, stdout: 'done\n', stderr: '' });
});

t.test('a job does not wait for a server that hangs', async (t) => {
  const server = await serverOf(t, hang);
  const { child, exit } = start(`console.log(await withHeartbeat('job', '1h', async () => 'done')());`, {
    TOCSIN_URL: server.url,
  });
  await server.next();
  t.notOk(child.exitCode, 'the attempt in flight holds the process');
  server.script = applied;
  await server.stop();
  t.same(await exit, { code: 0, stdout: 'done\n', stderr: '' }, 'and nothing else does');
});

t.test('a flush holds the process while it waits, so that awaiting it at the top level works', async (t) => {
  const server = await serverOf(t, failing(503));
  const away = start(`ping('job', '1h'); console.log(await flush({ timeoutMs: 100 }));`, { TOCSIN_URL: server.url });
  t.same(await away.exit, { code: 0, stdout: 'false\n', stderr: '' });
  server.requests.length = 0;
  const back = start(`ping('job', '1h'); console.log(await flush({ timeoutMs: 60_000 }));`, { TOCSIN_URL: server.url });
  await server.next();
  server.script = applied;
  t.same(await back.exit, { code: 0, stdout: 'true\n', stderr: '' }, 'a retry of the same process');
  const unused = start(`console.log(await flush());`);
  t.same(await unused.exit, { code: 0, stdout: 'true\n', stderr: '' });
});

t.test('settings that can not be used are warned of, and the job runs', async (t) => {
  const { exit } = start(`console.log(withHeartbeat('job', '1h', () => 'done')());`, { TOCSIN_URL: 'nonsense' });
  t.same(await exit, {
    code: 0,
    stdout: 'done\n',
    stderr:
      'tocsin: no beat can be sent: baseUrl (TOCSIN_URL) must be an absolute http or https URL, such as http://127.0.0.1:4000\n',
  });
});

t.test('an empty setting is none, and fetch is looked up when it is needed', async (t) => {
  const { exit } = start(
    `ping('job', '1h');
     globalThis.fetch = async (url, { headers }) => (console.log(url, 'Authorization' in headers), {});`,
    { TOCSIN_URL: '', TOCSIN_TOKEN: '' },
  );
  const stdout = 'http://127.0.0.1:4000/tocsin.v1.HeartbeatService/PingBatch false\n';
  t.same(await exit, { code: 0, stdout, stderr: '' });
});
