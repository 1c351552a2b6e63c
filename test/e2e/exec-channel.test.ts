import { existsSync } from 'node:fs';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { RunningServer, temporaryDirectory } from '../support/running-server.ts';

/** A server whose folder of programs has "tell", of this shell script. */
async function serverWith(t: Test, script: string) {
  const folder = await temporaryDirectory(t);
  await writeFile(join(folder, 'tell'), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, 'tell'), 0o755);
  const server = await RunningServer.start({
    TOCSIN_DATA_DIR: await temporaryDirectory(t),
    TOCSIN_EXEC_DIR: folder,
    TOCSIN_WEBHOOK_SECRET: `whsec_${'A'.repeat(32)}`,
  });
  t.teardown(() => server.kill('SIGTERM'));
  const call = async (method: string, path: string, body: object) => {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${server.url}${path}`, { method, headers, body: JSON.stringify(body) });
    return (await response.json()) as Record<string, unknown>;
  };
  return { folder, call };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 20));
}

t.test('a program is run for an alert, without the secrets of the server', async (t) => {
  const { folder, call } = await serverWith(
    t,
    'env > env; cat > $TOCSIN_STATUS.tmp; mv $TOCSIN_STATUS.tmp $TOCSIN_STATUS',
  );
  await call('PUT', '/channels/pager', { exec: { program: 'tell', environment: { TOKEN: 'S3CRET' } } });
  t.match(await call('POST', '/channels/test', { name: 'pager' }), { ok: true, detail: 'exit code 0' });
  t.match(JSON.parse(await readFile(join(folder, 'test'), 'utf8')), { type: 'monitor.test' });

  await call('POST', '/ping', { name: 'job', frequency: '1h', channels: ['pager'] });
  await call('POST', '/ping', { name: 'job', frequency: '1h', status: 'fail', message: 'no space' });
  await until(() => existsSync(join(folder, 'down')));
  const environment = await readFile(join(folder, 'env'), 'utf8');
  t.match(environment, /^TOCSIN_NAME=job$/m);
  t.match(environment, /^TOKEN=S3CRET$/m);
  t.match(environment, /^PATH=/m);
  t.notMatch(environment, /WEBHOOK_SECRET|whsec_|TOCSIN_DATA_DIR/);
  t.match(JSON.parse(await readFile(join(folder, 'down'), 'utf8')), { data: { name: 'job', message: 'no space' } });
  await call('POST', '/ping', { name: 'job', frequency: '1h' });
  await until(() => existsSync(join(folder, 'up')));
});

t.test('a program that hangs is killed', async (t) => {
  const { folder, call } = await serverWith(t, 'echo $$ > pid; trap "" TERM; while :; do sleep 60; done');
  await call('PUT', '/channels/pager', { exec: { program: 'tell', timeout: '1s' } });
  const told = await call('POST', '/channels/test', { name: 'pager' });
  t.match(told, { ok: false, reason: 'timeout', detail: /within 1 s, and was killed/ });
  const pid = Number(await readFile(join(folder, 'pid'), 'utf8'));
  const isRunning = (): boolean => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  await until(() => !isRunning());
});

t.test('what is refused when it is saved', async (t) => {
  const { call } = await serverWith(t, '');
  const wrong = [
    { program: '../tell' },
    { program: 'tell', environment: { BASH_ENV: 'x' } },
    { program: 'tell', timeout: '1h' },
  ];
  for (const exec of wrong) {
    t.match(
      await call('PUT', '/channels/pager', { exec }),
      { code: /invalid/, message: /exec\./ },
      JSON.stringify(exec),
    );
  }
  const server = await RunningServer.start({ TOCSIN_DATA_DIR: await temporaryDirectory(t) });
  t.teardown(() => server.kill('SIGTERM'));
  const body = JSON.stringify({ exec: { program: 'tell' } });
  const headers = { 'content-type': 'application/json' };
  const off = await fetch(`${server.url}/channels/pager`, { method: 'PUT', headers, body });
  t.match(await off.text(), /TOCSIN_EXEC_DIR/);
  t.equal(off.ok, false);
});
