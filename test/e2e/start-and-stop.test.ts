import { once } from 'node:events';
import { connect } from 'node:http2';
import t from 'tap';
import { RunningServer, runMain, temporaryDirectory } from '../support/running-server.ts';

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
