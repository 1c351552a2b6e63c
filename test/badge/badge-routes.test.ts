import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Fastify from 'fastify';
import t, { type Test } from 'tap';
import { badgeRoutes } from '../../server/badge/badge-routes.ts';
import { BadgeSignatures } from '../../server/badge/badge-signatures.ts';
import { StoreError } from '../../server/store/store.ts';
import { Authenticator } from '../../server/transport/authenticator.ts';
import { monitorOf, tenMs } from '../engine/cast.ts';
import { startAppOnFakeClock } from '../support/app-on-fake-clock.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { temporaryDirectory } from '../support/running-server.ts';

const token = 'token-of-the-test';
const bearer = { authorization: `Bearer ${token}` };

async function startServer(
  t: Test,
  { env = {}, directory = '' }: { env?: Record<string, string>; directory?: string } = {},
) {
  const clock = new FakeClock(tenMs);
  const dataDir = directory || (await temporaryDirectory(t));
  const app = await startAppOnFakeClock(clock, { TOCSIN_DATA_DIR: dataDir, ...env });
  t.teardown(() => app.stop());
  const call = (path: string, init?: RequestInit) => fetch(path.startsWith('http') ? path : `${app.url}${path}`, init);
  const json = async (path: string, init?: RequestInit) => {
    const response = await call(path, init);
    return [response.status, (await response.json()) as Record<string, string>] as const;
  };
  return { app, clock, dataDir, call, json };
}

t.test('the badge of a monitor, in every state', async (t) => {
  const { clock, call, json } = await startServer(t);
  const svg = async () => {
    const response = await call('/badge/monitor/db%2Feu.svg');
    t.equal(response.headers.get('content-type'), 'image/svg+xml; charset=utf-8');
    t.equal(response.headers.get('cache-control'), 'no-store');
    return [response.status, /<title>(.*)<\/title>/.exec(await response.text())?.[1]];
  };
  t.strictSame(await svg(), [404, 'badge: not found']);
  await call('/ping?name=db%2Feu&frequency=1m&grace=30s&status=start');
  t.strictSame(await svg(), [200, 'db/eu: new']);
  await call('/ping?name=db%2Feu&frequency=1m&grace=30s');
  t.strictSame(await svg(), [200, 'db/eu: up']);
  t.strictSame(await json('/badge/monitor/db/eu.json'), [
    200,
    { status: 'up', total: 1, new: 0, up: 1, grace: 0, down: 0, paused: 0 },
  ]);
  t.strictSame(await json('/badge/monitor/db/eu.shields'), [
    200,
    { schemaVersion: 1, label: 'db/eu', message: 'up', color: 'success' },
  ]);
  await clock.advance(61_000);
  t.strictSame(await svg(), [200, 'db/eu: late']);
  t.match(await json('/badge/monitor/db/eu.json'), [200, { status: 'late', grace: 1 }]);
  await clock.advance(31_000);
  t.strictSame(await svg(), [200, 'db/eu: down']);
  await call('/monitors/pause', {
    method: 'POST',
    body: 'name=db/eu',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
  t.strictSame(await svg(), [200, 'db/eu: paused']);
  const head = await call('/badge/monitor/db%2Feu.svg', { method: 'HEAD' });
  t.strictSame([head.status, await head.text()], [200, '']);
});

t.test('the badge of a tag is that of its worst monitor', async (t) => {
  const { clock, call, json } = await startServer(t);
  const state = async (tag: string) => {
    const [, badge] = await json(`/badge/tag/${tag}.json`);
    return badge;
  };
  await call('/ping?name=a&frequency=1m&grace=1m&tags=eu');
  await call('/ping?name=b&frequency=1h&tags=eu&tags=db');
  await call('/ping?name=c&frequency=1h&tags=db&status=fail');
  t.match(await state('eu'), { status: 'up', total: 2, up: 2 });
  t.match(await state('db'), { status: 'down', total: 2, up: 1, down: 1 });
  await clock.advance(61_000);
  t.match(await state('eu'), { status: 'late', total: 2, up: 1, grace: 1 });
  await call('/ping?name=b&frequency=1h&tags=db');
  t.match(await state('eu'), { status: 'late', total: 1 }, 'a tag that was taken away');
  await call('/ping/remove?name=a');
  t.match(await json('/badge/tag/eu.json'), [404, { code: 'not_found' }]);
});

t.test('a tag that many look at is read once', async (t) => {
  const monitors = [monitorOf({ name: 'a' }), monitorOf({ name: 'b', status: 'down' })];
  let reads = 0;
  let go = (): void => {};
  const started = new Promise<void>((resolve) => {
    go = resolve;
  });
  let failure: Error | null = null;
  const app = Fastify();
  t.teardown(() => app.close());
  const routes = badgeRoutes({
    store: {
      load: async () => [],
      find: async ({ after }) => {
        reads += 1;
        await started;
        if (failure) throw failure;
        return after === null
          ? { monitors: monitors.slice(0, 1), next: 'a' }
          : { monitors: monitors.slice(1), next: null };
      },
    },
    clock: new FakeClock(tenMs),
    authenticator: new Authenticator(undefined),
    signatures: new BadgeSignatures('key'),
  });
  app.register(async (scope) => routes(scope));
  const get = () => app.inject('/badge/tag/eu.json');
  const several = Promise.all([get(), get(), get()]);
  while (reads === 0) await new Promise(setImmediate);
  go();
  for (const answer of await several) t.match(answer.json(), { status: 'down', total: 2 });
  t.equal(reads, 2, 'two pages');
  await get();
  t.equal(reads, 4, 'and anew for who comes later');
  failure = new StoreError('busy', 'of no interest here');
  t.match(await get(), { statusCode: 503, headers: { 'retry-after': '1' } });
  failure = null;
  t.equal((await get()).statusCode, 200, 'a failure is not kept');
});

t.test('with a token a badge needs its signature, and nothing else', async (t) => {
  const { app, dataDir, call, json } = await startServer(t, { env: { TOCSIN_TOKEN: token } });
  await call('/ping?name=backup&frequency=1m', { headers: bearer });
  t.match(await json('/badges?monitor=backup'), [401, { code: 'unauthenticated' }]);
  const [status, urls] = await json('/badges?monitor=backup', { headers: bearer });
  t.equal(status, 200);
  for (const format of ['svg', 'json', 'shields']) {
    const response = await call(urls[format]!);
    t.strictSame([response.status, response.headers.get('access-control-allow-origin')], [200, '*'], format);
  }

  const unsigned = await call('/badge/monitor/backup.svg');
  const missing = await call('/badge/monitor/missing.svg');
  t.strictSame([unsigned.status, await unsigned.text()], [404, await missing.text()], 'as one that is not there');
  t.equal((await call(urls.svg!.replace('backup.svg', 'other.svg'))).status, 404);
  t.equal((await call('/badge/monitor/backup.svg', { headers: bearer })).status, 200, 'or the token');
  t.equal(unsigned.headers.get('access-control-allow-origin'), null);

  const keyFile = join(dataDir, 'badge-key');
  t.equal(statSync(keyFile).mode & 0o777, 0o600);
  await app.stop();
  const again = await startServer(t, { env: { TOCSIN_TOKEN: token }, directory: dataDir });
  const { pathname, search } = new URL(urls.svg!);
  t.equal((await again.call(`${pathname}${search}`)).status, 200, 'URLs outlive the server');
});

t.test('without a token no page of another origin reads a badge, signed or not', async (t) => {
  const { call, json } = await startServer(t);
  await call('/ping?name=backup&frequency=1m');
  const [, urls] = await json('/badges?monitor=backup');
  for (const url of ['/badge/monitor/backup.json', urls.json!, '/badge/monitor/none.json']) {
    t.equal((await call(url)).headers.get('access-control-allow-origin'), null);
  }
});

t.test('what cannot be asked for', async (t) => {
  const { call, json } = await startServer(t);
  for (const query of ['', '?monitor=', '?name=a', '?monitor=a&tag=b']) {
    t.match(await json(`/badges${query}`), [400, { code: 'invalid_argument' }], query);
  }
  t.equal((await call('/badge/monitor/a.png')).status, 404);
  t.match(await json('/badge/monitor/a.shields'), [404, { isError: true }]);
});

t.test('a key that is none is said so at the start, and not shown', async (t) => {
  const directory = await temporaryDirectory(t);
  const { app } = await startServer(t, { directory });
  await app.stop();
  const path = join(directory, 'badge-key');
  t.match(readFileSync(path, 'utf8'), /^[A-Za-z0-9_-]{43}\n$/);
  writeFileSync(path, 'hunter2\n');
  const failure = await startServer(t, { directory }).then(
    () => 'it started',
    (error: Error) => error.message,
  );
  t.match(failure, /badge-key does not hold a badge key/);
  t.notMatch(failure, /hunter2/);
});
