import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { connect } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { setImmediate } from 'node:timers/promises';
import t from 'tap';
import { RunningServer, runMain, temporaryDirectory } from '../support/running-server.ts';
import { untraced } from '../support/untraced.ts';

t.test('PORT=0 takes a free port, says so, and SIGTERM ends it with 0', async (t) => {
  const server = await RunningServer.start({ TOCSIN_DATA_DIR: await temporaryDirectory(t) });
  t.match(server.url, /^http:\/\/127\.0\.0\.1:[1-9]\d+$/);
  t.ok(
    server.log.some(({ msg }) => msg.includes('PING_ALERT_URI is not set')),
    'says where alerts go',
  );
  const health = await fetch(`${server.url}/healthz`);
  t.equal(health.status, 200);
  t.match(await health.json(), { status: 'ok' });
  // Idle connections of both kinds must not hold it up.
  const session = connect(server.url);
  await once(session, 'connect');
  session.on('error', () => {});
  t.same(await server.kill('SIGTERM'), { code: 0, signal: null });
  t.ok(server.log.some(({ msg }) => msg === 'stopped'));
  session.destroy();
});

t.test('SIGTERM to `npm start` ends the server, not only npm', async (t) => {
  const directory = await temporaryDirectory(t);
  const npm = spawn(...untraced('npm', ['start']), {
    cwd: new URL('../..', import.meta.url),
    env: {
      PATH: process.env.PATH,
      HOME: directory,
      PORT: '0',
      TOCSIN_DATA_DIR: directory,
      npm_config_loglevel: 'silent',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: { msg: string; pid: number; url: string }[] = [];
  const listening = new Promise<{ pid: number; url: string }>((resolve, reject) => {
    createInterface(npm.stdout).on('line', (text) => {
      const line = JSON.parse(text);
      lines.push(line);
      if (line.msg === 'listening') resolve(line);
    });
    npm.once('exit', (code) => reject(new Error(`npm ended with ${code}`)));
  });
  const { pid, url } = await listening;
  t.teardown(() => {
    // Only where it failed: whoever is orphaned must not stay.
    if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  });
  t.equal((await fetch(`${url}/healthz`)).status, 200);
  const exited = once(npm, 'exit');
  const closed = once(npm, 'close');
  npm.kill('SIGTERM');
  t.same(await exited, [0, null]);
  t.notOk(isAlive(pid), 'the server is gone when npm is');
  await closed;
  t.equal(lines.at(-1)?.msg, 'stopped', 'in good order');
  await t.rejects(fetch(`${url}/healthz`), 'the port is closed');
});

t.test(
  'a signal that comes twice at once, as from a terminal and npm, is one request; a later one is a second',
  async (t) => {
    let asked = (): void => {};
    const held: ServerResponse[] = [];
    const receiver = createServer((_, response) => {
      held.push(response);
      asked();
    }).listen(0, '127.0.0.1');
    t.teardown(() => receiver.close().closeAllConnections());
    await once(receiver, 'listening');
    const uri = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
    /** A server whose shutdown waits for an alert. */
    const busy = async (): Promise<RunningServer> => {
      const server = await RunningServer.start({
        TOCSIN_DATA_DIR: await temporaryDirectory(t),
        PING_ALERT_URI: uri,
      });
      const alert = new Promise<void>((resolve) => {
        asked = resolve;
      });
      t.equal((await fetch(`${server.url}/ping?name=a&frequency=1h&status=fail`)).status, 200);
      await alert;
      server.signal('SIGINT');
      return server;
    };
    const shuttingDown = async (server: RunningServer): Promise<void> => {
      while (!server.log.some(({ msg }) => msg === 'shutting down')) await setImmediate();
    };
    const patient = await busy();
    // Of another kind, at once: one that is still pending is not sent twice, and a second later it is a second request.
    const ended = patient.kill('SIGTERM');
    await shuttingDown(patient);
    held.pop()!.end();
    t.same(await ended, { code: 0, signal: null });
    t.ok(patient.log.some(({ msg }) => msg === 'alert delivered'));

    const impatient = await busy();
    await shuttingDown(impatient);
    const again = setInterval(() => impatient.signal('SIGINT'), 100);
    t.teardown(() => clearInterval(again));
    t.same(await impatient.kill('SIGINT'), { code: 1, signal: null });
  },
);

t.test('SIGTERM answers the pings that it has received', async (t) => {
  const directory = await temporaryDirectory(t);
  const server = await RunningServer.start({ TOCSIN_DATA_DIR: directory });
  const pings = Array.from({ length: 200 }, (_, index) =>
    fetch(`${server.url}/ping?name=job-${index}&frequency=1h`).then(
      (response) => (response.status === 200 ? index : null),
      () => null,
    ),
  );
  await Promise.any(pings);
  t.same(await server.kill('SIGTERM'), { code: 0, signal: null });
  const answered = (await Promise.all(pings)).filter((index) => index !== null);
  const again = await RunningServer.start({ TOCSIN_DATA_DIR: directory });
  t.teardown(() => again.kill('SIGTERM'));
  for (const index of answered) {
    const response = await fetch(`${again.url}/monitors/job-${index}`);
    t.equal(response.status, 200, `job-${index} is there`);
    await response.body?.cancel();
  }
});

t.test('a second server on the same data directory is refused', async (t) => {
  const directory = await temporaryDirectory(t);
  const server = await RunningServer.start({ TOCSIN_DATA_DIR: directory });
  const second = await runMain({ TOCSIN_DATA_DIR: directory });
  t.equal(second.code, 1);
  t.match(second.stderr, /another Tocsin server is using the data directory/);
  t.equal((await fetch(`${server.url}/healthz`)).status, 200, 'the first goes on');
  await server.kill('SIGKILL');
  const third = await RunningServer.start({ TOCSIN_DATA_DIR: directory });
  t.same(await third.kill('SIGTERM'), { code: 0, signal: null }, 'kill -9 leaves no stale lock');
});

t.test('a port in use is a clear error', async (t) => {
  const server = await RunningServer.start({ TOCSIN_DATA_DIR: await temporaryDirectory(t) });
  t.teardown(() => server.kill('SIGTERM'));
  const second = await runMain({ TOCSIN_DATA_DIR: await temporaryDirectory(t), PORT: new URL(server.url).port });
  t.equal(second.code, 1);
  t.match(second.stderr, /port \d+ on 127\.0\.0\.1 is in use: .*PORT/);
});

t.test('a host that no address is known for is a clear error', async (t) => {
  const host = 'nowhere.invalid';
  const { code, stderr } = await runMain(
    { TOCSIN_DATA_DIR: await temporaryDirectory(t), HOST: host, LOG_LEVEL: 'silent' },
    ['--insecure-no-auth'],
  );
  t.equal(code, 1);
  t.equal(stderr, `Tocsin cannot start: HOST ${host} does not resolve\n`);
});

t.test('a test alert without PING_ALERT_URI says that it went to the log only', async (t) => {
  const { code, stdout } = await runMain({ TOCSIN_DATA_DIR: await temporaryDirectory(t) }, ['test-alert']);
  t.equal(code, 0);
  t.match(
    stdout,
    /^PING_ALERT_URI is not set: alerts only go to the log, like this one:\n\{.*test alert of Tocsin.*\}\n/,
  );
});

t.test('a test alert to where alerts may not go says which setting forbids it', async (t) => {
  const receiver = createServer((_request, response) => response.end()).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  t.teardown(() => receiver.close());
  const { port } = receiver.address() as AddressInfo;
  const env = { TOCSIN_DATA_DIR: await temporaryDirectory(t), PING_ALERT_URI: `http://127.0.0.1:${port}/` };
  t.equal((await runMain(env, ['test-alert'])).code, 0);
  const closed = await runMain({ ...env, TOCSIN_EGRESS_DENY: 'all' }, ['test-alert']);
  t.equal(closed.code, 1);
  t.match(closed.stdout, /127\.0\.0\.1 is refused .*TOCSIN_EGRESS_ALLOW/);
  const opened = { ...env, TOCSIN_EGRESS_DENY: 'all', TOCSIN_EGRESS_ALLOW: '127.0.0.0/8' };
  t.equal((await runMain(opened, ['test-alert'])).code, 0);
});

t.test('wrong settings are reported together, and nothing starts', async (t) => {
  const wrong = await runMain({
    PORT: '70000',
    TOCSIN_DEFAULT_GRACE: '10x',
    PING_ALERT_METHOD: 'PUT',
    TOCSIN_TOKN: 'typo',
    HOST: '0.0.0.0',
  });
  t.equal(wrong.code, 1);
  for (const name of ['PORT', 'TOCSIN_DEFAULT_GRACE', 'PING_ALERT_METHOD', 'TOCSIN_TOKN', 'HOST']) {
    t.match(wrong.stderr, new RegExp(`^  ${name}: `, 'm'), name);
  }
  t.match(wrong.stderr, /--insecure-no-auth/);
});

t.test('--help lists every setting; an unknown flag is an error', async (t) => {
  const help = await runMain({}, ['--help']);
  t.equal(help.code, 0);
  for (const text of ['HOST', 'PORT', 'TOCSIN_DATA_DIR', 'PING_ALERT_URI', '127.0.0.1', './data', 'test-alert']) {
    t.ok(help.stdout.includes(text), text);
  }
  const unknown = await runMain({}, ['--prot', '1']);
  t.equal(unknown.code, 1);
  t.match(unknown.stderr, /--prot/);
});

t.test('the token guards every way in', async (t) => {
  const token = 'a-token-of-sufficient-length-0123456789';
  const server = await RunningServer.start({
    TOCSIN_DATA_DIR: await temporaryDirectory(t),
    TOCSIN_TOKEN: token,
    HOST: '0.0.0.0',
  });
  t.teardown(() => server.kill('SIGTERM'));
  const url = `http://127.0.0.1:${new URL(server.url).port}`;
  t.equal((await fetch(`${url}/ping?name=a&frequency=1h`)).status, 401);
  t.equal((await fetch(`${url}/monitors`)).status, 401);
  t.equal((await fetch(`${url}/`)).status, 401);
  t.equal((await fetch(`${url}/healthz`)).status, 200);
  const authorization = `Bearer ${token}`;
  t.equal((await fetch(`${url}/ping?name=a&frequency=1h`, { headers: { authorization } })).status, 200);
  const basic = `Basic ${Buffer.from(`any:${token}`).toString('base64')}`;
  const page = await fetch(`${url}/`, { headers: { authorization: basic } });
  t.equal(page.status, 200);
  t.notMatch(await page.text(), token);
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
