import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { createTocsin, type TocsinError } from '../../sdk/src/sdk.ts';
import { packSdk } from '../support/packed-sdk.ts';
import { RunningServer, temporaryDirectory } from '../support/running-server.ts';
import { untraced } from '../support/untraced.ts';

const run = promisify(execFile);
const token = 'the-token-of-this-test-0123456789';

const show = async (url: string, name: string) => {
  const response = await fetch(`${url}/monitors/${encodeURIComponent(name)}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return { code: response.status, ...((await response.json()) as object) };
};

t.test('the packed SDK in an empty project reports to a real server', async (t) => {
  const server = await RunningServer.start({ TOCSIN_DATA_DIR: await temporaryDirectory(t), TOCSIN_TOKEN: token });
  t.teardown(() => server.kill('SIGTERM'));
  const packed = await packSdk();
  t.teardown(() => packed.remove());
  await writeFile(
    join(packed.dir, 'job.js'),
    `import { flush, withHeartbeat } from '@tocsin/sdk';
     const backup = withHeartbeat('nightly backup', '1D', async (files) => files.length);
     const broken = withHeartbeat('broken job', '1h', () => { throw new Error('disk full'); }, { grace: '5m' });
     console.log(await backup(['a', 'b']));
     try { broken(); } catch (error) { console.log(error.message); }
     console.log(await flush());`,
  );
  const { stdout } = await run(...untraced(process.execPath, ['job.js']), {
    cwd: packed.dir,
    env: { TOCSIN_URL: server.url, TOCSIN_TOKEN: token },
  });
  t.equal(stdout, '2\ndisk full\ntrue\n', 'results and errors pass through untouched');
  t.match(await show(server.url, 'nightly backup'), { status: 'up', frequency: '1D', grace: '1h' });
  t.match(await show(server.url, 'broken job'), { status: 'down', grace: '5m', incident: { reason: 'failed' } });
});

t.test('a server that is away: the job runs on, the beats arrive when it is back, once each', async (t) => {
  const directory = await temporaryDirectory(t);
  const env = { TOCSIN_DATA_DIR: directory, TOCSIN_TOKEN: token };
  const first = await RunningServer.start(env);
  const { port } = new URL(first.url);
  await first.kill('SIGKILL');

  const errors: TocsinError[] = [];
  const tocsin = createTocsin({ baseUrl: first.url, token, random: () => 0, onError: (error) => errors.push(error) });
  const job = tocsin.withHeartbeat('steady', '1h', (value: number) => value * 2);
  t.equal(job(21), 42);
  t.equal(await tocsin.flush({ timeoutMs: 300 }), false, 'nothing has arrived yet');

  const second = await RunningServer.start({ ...env, PORT: port });
  t.teardown(() => second.kill('SIGTERM'));
  t.equal(await tocsin.flush({ timeoutMs: 60_000 }), true);
  t.match(await show(second.url, 'steady'), { status: 'up' });
  t.equal(await tocsin.close(), true);
});
