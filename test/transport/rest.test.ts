import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { promisify } from 'node:util';
import { create } from '@bufbuild/protobuf';
import t from 'tap';
import { BeatStatus, PingRequestSchema } from '../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { serveRecorder } from './serve-recorder.ts';

const clock = new FakeClock(Date.UTC(2026, 4, 1));
const server = await serveRecorder({ clock });
const { recorder, url } = server;

const answer = {
  name: 'backup',
  status: 'up',
  accepted: 'applied',
  accepted_at: '2026-01-01T12:00:00.250Z',
  due_at: '2026-01-01T12:01:00.250Z',
  deadline: null,
};

async function lastPing(path: string, init?: RequestInit) {
  const response = await fetch(url + path, init);
  const body = await response.json();
  return { status: response.status, body, ping: recorder.pings.at(-1), headers: response.headers };
}

/** Sends bytes as they are and resolves to the whole answer. */
function raw(bytes: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(server.port, '127.0.0.1', () => socket.write(bytes));
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk) => {
      text += chunk;
    });
    socket.on('close', () => resolve(text)).on('error', reject);
  });
}

const rawGet = (target: string): Promise<string> =>
  raw(Buffer.from(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, 'latin1'));

t.test('a ping by GET', async (t) => {
  const { status, body, headers, ping } = await lastPing('/ping?name=backup&frequency=10m&utm_source=mail');
  t.equal(status, 200);
  t.strictSame(body, answer);
  t.equal(headers.get('cache-control'), 'no-store');
  t.match(headers.get('content-type'), /^application\/json/);
  t.strictSame(ping, create(PingRequestSchema, { name: 'backup', frequency: '10m' }));
  const context = recorder.contexts.at(-1)!;
  t.equal(context.receivedMs, clock.wallMs());
  t.equal(context.remoteAddress, '127.0.0.1');
  t.equal(context.header('HOST'), `127.0.0.1:${server.port}`);
  t.equal(context.header('x-none'), null);
  t.match(context.userAgent, /node|undici/);
});

t.test('every field, by query, form, JSON and a mixture', async (t) => {
  const whole = create(PingRequestSchema, {
    name: 'ü/ +&=%',
    frequency: '10m',
    timestamp: 1767225600n,
    grace: '5s',
    status: BeatStatus.FAIL,
    message: 'a b',
    duration: { seconds: 1n, nanos: 500_000_000 },
    exitCode: -3,
    run: 'r',
    beatId: '',
    cron: '*/5 * * * *',
    timeZone: 'Europe/Berlin',
    tags: ['x', 'ü y'],
    channels: ['ops', 'day'],
    body: new Uint8Array([0, 255, 62, 63]),
  });
  const fields = {
    name: 'ü/ +&=%',
    frequency: '10m',
    timestamp: '1767225600',
    grace: '5s',
    status: 'fail',
    message: 'a b',
    duration: '1.5s',
    exit_code: '-3',
    run: 'r',
    cron: '*/5 * * * *',
    time_zone: 'Europe/Berlin',
    tags: 'x,ü y',
    channels: 'ops,day',
    body: 'AP8+Pw==',
  };
  const lists = { tags: ['x', 'ü y'], channels: ['ops', 'day'] };
  const form = new URLSearchParams(fields);
  const json = (body: object) => ({
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  for (const [path, init] of [
    [`/ping?${form}`, {}],
    ['/ping', { method: 'POST', body: form }],
    [`/ping?${form}`.replace('tags=x%2C', 'tags=x&tags='), {}],
    ['/ping', json({ ...fields, ...lists })],
    ['/ping', json({ ...fields, ...lists, timestamp: 1767225600, exit_code: -3, unknown: { name: 1 } })],
    [`/ping?${new URLSearchParams({ name: fields.name, beatId: '' })}`, json({ ...fields, ...lists, name: undefined })],
    [`/ping?${form}`, { method: 'POST' }],
    [`/ping?${form}`, json({})],
  ] as const) {
    const { status, ping, body } = await lastPing(path, init as RequestInit);
    t.equal(status, 200, JSON.stringify(body));
    t.strictSame(ping, whole);
  }
  for (const status of ['FAIL', 'Fail', 'BEAT_STATUS_FAIL', 'beat_status_fail', '3']) {
    t.equal((await lastPing(`/ping?name=a&frequency=1m&status=${status}`)).ping?.status, BeatStatus.FAIL, status);
  }
  const { ping } = await lastPing(
    '/ping',
    json({ name: 'a', frequency: '1m', status: 3, exitCode: null, timestamp: null }),
  );
  t.equal(ping?.status, BeatStatus.FAIL);
  t.notOk(Object.hasOwn(ping!, 'exitCode') && ping!.exitCode !== undefined, 'null leaves a field unset');
});

t.test('curl as people write it', async (t) => {
  const run = promisify(execFile);
  const curl = async (...args: string[]): Promise<unknown> => JSON.parse((await run('curl', ['-sS', ...args])).stdout);
  t.strictSame(await curl(`${url}/ping?name=backup&frequency=10m`), answer);
  t.strictSame(await curl('-d', 'name=backup', '-d', 'frequency=10m', `${url}/ping`), answer);
  t.strictSame(await curl('-X', 'POST', `${url}/ping?name=backup&frequency=10m`), answer);
  t.strictSame(await curl('--json', '{"name":"backup","frequency":"10m"}', `${url}/ping`), answer);
  t.strictSame(await curl('--http2-prior-knowledge', `${url}/ping?name=backup&frequency=10m`), answer, 'over h2c');
  t.strictSame(await curl('-X', 'DELETE', `${url}/ping/backup`), { name: 'backup' });
});

t.test('names in paths are decoded exactly once', async (t) => {
  recorder.removed.length = 0;
  const names = [
    'a',
    'a/b',
    'a%2Fb',
    '%',
    '%25',
    'ü',
    'a b+c',
    'remove',
    '.',
    '..a',
    '?#',
    'a//b',
    ':x',
    '*',
    'x'.repeat(256),
  ];
  for (const name of names) {
    const path = `/ping/${encodeURIComponent(name).replaceAll('.', '%2E')}`;
    const answer = await rawMethod('DELETE', path);
    t.match(answer, /^HTTP\/1.1 200 /, path);
  }
  t.match(await rawMethod('DELETE', '/ping/a/b'), / 200 /);
  t.match(await rawMethod('DELETE', '/ping/a+b'), / 200 /);
  t.match(await rawMethod('DELETE', '/ping?name=q%2Bq'), / 200 /);
  t.match(await rawMethod('GET', '/ping/remove?name=g'), / 200 /);
  t.match(await rawMethod('POST', '/ping/remove?name=p'), / 200 /);
  t.strictSame(recorder.removed, [...names, 'a/b', 'a+b', 'q+q', 'g', 'p']);
  t.match(await rawMethod('DELETE', '/ping/unknown'), /^HTTP\/1.1 404 [\s\S]*"code":"not_found"[\s\S]*"field":"name"/);
  t.match(await rawMethod('DELETE', '/ping/'), /^HTTP\/1.1 400 [\s\S]*name: is required/);
  t.match(
    await rawMethod('DELETE', `/ping/${'x'.repeat(3000)}`),
    /^HTTP\/1.1 400 [\s\S]*at most 256 bytes; got 3000 bytes/,
  );
});

const rawMethod = (method: string, target: string): Promise<string> =>
  raw(`${method} ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);

t.test('bytes that are not text', async (t) => {
  recorder.pings.length = 0;
  const names = (
    await Promise.all(
      [
        '/ping?name=%zz&frequency=1m',
        '/ping?name=%&frequency=1m',
        '/ping?name=%ff&frequency=1m',
        '/ping?name=%ed%a0%80&frequency=1m',
        '/ping?name=\xff&frequency=1m',
        '/ping?name=a%00b&frequency=1m',
        '/ping?name=a&frequency=1m&%ff=1',
        '/ping?name=a&frequency=1m&unknown=%ff',
      ].map(rawGet),
    )
  ).map((text) => /^HTTP\/1.1 400 [\s\S]*"message":"(.*?)"/.exec(text)?.[1]);
  t.strictSame(names, [
    'name: holds invalid percent-encoding',
    'name: holds invalid percent-encoding',
    'name: is not valid UTF-8',
    'name: is not valid UTF-8',
    'path: must be ASCII; percent-encode everything else',
    'name: must not hold a NUL character',
    'parameter name: is not valid UTF-8',
    'unknown: is not valid UTF-8',
  ]);
  for (const path of ['/ping/%zz', '/ping/%ff', '/ping/%ed%a0%80']) {
    t.match(
      await rawMethod('DELETE', path),
      /^HTTP\/1.1 400 [\s\S]*"code":"invalid_argument"[\s\S]*path: holds invalid/,
      path,
    );
  }
  t.match(await rawMethod('DELETE', '/ping/a%00'), /^HTTP\/1.1 400 [\s\S]*name: must not hold a NUL/);
  t.strictSame(recorder.pings, []);
});

t.test('a target in absolute form, as proxies send it', async (t) => {
  for (const [target, removed] of [
    ['http://other.example:80/ping/x%2Fy', 'x/y'],
    ['HTTPS://other.example/ping/z/../z?name=', 'z/../z'],
    ['http://u:p@[::1]:4000/ping/http://a', 'http://a'],
  ] as const) {
    recorder.removed.length = 0;
    const answer = await rawMethod('DELETE', target);
    if (target.includes('?')) t.match(answer, /^HTTP\/1.1 400 [\s\S]*name/, 'name stands twice');
    else t.match(answer, /^HTTP\/1.1 200 /, target);
    t.strictSame(recorder.removed, target.includes('?') ? [] : [removed]);
  }
  recorder.pings.length = 0;
  t.match(await rawMethod('GET', 'http://h/ping?name=a&frequency=1m'), /^HTTP\/1.1 200 /);
  t.match(recorder.pings, [{ name: 'a' }]);
  recorder.pings.length = 0;
  t.match(await rawMethod('GET', 'http://h'), /^HTTP\/1.1 200 [\s\S]*<title>Tocsin/);
  t.match(await rawMethod('GET', 'http://h?x'), /^HTTP\/1.1 200 [\s\S]*<title>Tocsin/);
  t.match(await rawMethod('PUT', 'http://h/ping/a'), /^HTTP\/1.1 405 [\s\S]*allow: DELETE\r/i);
});

t.test('paths and methods that are not served', async (t) => {
  const get = (path: string, method = 'GET') => fetch(url + path, { method });
  const head = await get('/ping?name=a&frequency=1m', 'HEAD');
  t.equal(head.status, 405);
  t.equal(head.headers.get('allow'), 'DELETE, GET, POST');
  for (const [path, method, allow] of [
    ['/ping', 'PUT', 'DELETE, GET, POST'],
    ['/ping/a', 'GET', 'DELETE'],
    ['/view', 'POST', 'GET'],
    ['/view?name=a', 'DELETE', 'GET'],
    ['/badges', 'POST', 'GET, HEAD'],
    ['/badge/monitor/a.svg', 'DELETE', 'GET, HEAD'],
    ['/badge/tag/a%2Fb.json', 'POST', 'GET, HEAD'],
    ['/ping/remove', 'PUT', 'DELETE, GET, POST'],
    ['/ping/batch', 'GET', 'DELETE, POST'],
    ['/monitors', 'PATCH', 'GET, POST'],
    ['/monitors/a/b', 'POST', 'DELETE, GET, PATCH, PUT'],
    ['/monitors/', 'POST', 'DELETE, GET, PATCH, PUT'],
    ['/monitors/pause', 'OPTIONS', 'DELETE, GET, PATCH, POST, PUT'],
    ['/apply', 'GET', 'POST'],
    ['/export', 'PUT', 'GET'],
    ['/beats', 'POST', 'GET'],
    ['/uptimes', 'DELETE', 'GET'],
    ['/healthz', 'POST', 'GET, HEAD'],
    ['/', 'POST', 'GET'],
  ] as const) {
    const response = await get(path, method);
    t.match(await response.json(), {
      code: 'unimplemented',
      message: new RegExp(`^method: must be one of ${allow}; got ${method}($|; )`),
    });
    t.equal(response.status, 405);
    t.equal(response.headers.get('allow'), allow);
  }
  t.match(await (await get('/monitors/a/pause', 'POST')).json(), {
    message:
      'method: must be one of DELETE, GET, PATCH, PUT; got POST; POST is for /monitors, /monitors/pause, /monitors/resume',
  });
  t.equal((await get('/view', 'HEAD')).status, 405);
  const missing = await get('/pings');
  t.equal(missing.status, 404);
  t.strictSame(await missing.json(), { code: 'not_found', message: 'path: nothing is here' });
  const socket = connect(server.port, '127.0.0.1');
  socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
  const [first] = await once(socket, 'data');
  socket.write(Buffer.from('GET /ping?name=\xff HTTP/1.1\r\nHost: x\r\n\r\n', 'latin1'));
  t.match(first + (await socket.toArray()).join(''), / 200 [\s\S]* 400 [\s\S]*must be ASCII/);
  t.match(await raw('RUBBISH\r\n\r\n'), /^HTTP\/1.1 400 [\s\S]*"request: is not valid HTTP/);
  t.match(await rawMethod('GET', `/${'x'.repeat(20_000)}`), /^HTTP\/1.1 431 [\s\S]*"headers: are over the limit"/);
});

t.test('reading, health and the page', async (t) => {
  const monitor = await (await fetch(`${url}/monitors/a%2Fb`)).json();
  t.match(monitor, { name: 'a/b', status: 'up', created_at: '2026-01-01T00:00:00.000Z', incident: null });
  const list = await (await fetch(`${url}/monitors?page_size=7`)).json();
  t.match(list, { monitors: [{ name: 'page of 7', status: 'unspecified' }], next_page_token: '' });

  const health = await fetch(`${url}/healthz`);
  t.strictSame([health.status, await health.json()], [200, { status: 'ok' }]);
  const head = await fetch(`${url}/healthz`, { method: 'HEAD' });
  t.strictSame(
    [head.status, head.headers.get('content-type'), await head.text()],
    [200, 'application/json; charset=utf-8', ''],
  );
  server.health.set(false);
  t.equal((await fetch(`${url}/healthz`)).status, 503);
  t.equal((await fetch(`${url}/healthz`, { method: 'HEAD' })).status, 503);
  server.health.set(true);

  const page = await fetch(`${url}/`);
  t.match(await page.text(), /<title>Tocsin/);
  t.match(page.headers.get('content-security-policy'), /^default-src 'none'; style-src 'unsafe-inline'/);
  t.equal(page.headers.get('x-content-type-options'), 'nosniff');
});

t.test('a batch', async (t) => {
  const pings = [
    { name: 'a', frequency: '1m' },
    { name: '', status: 'fail' },
  ];
  const headers = { 'content-type': 'application/json' };
  const send = (body: object) => fetch(`${url}/ping/batch`, { method: 'POST', headers, body: JSON.stringify(body) });
  const response = await send({ pings });
  t.equal(response.status, 200);
  t.match(await response.json(), { results: [{ response: { name: 'a' }, error: null }, { response: { name: '' } }] });
  t.match(
    recorder.batches[0],
    [{ name: 'a' }, { name: '', status: BeatStatus.FAIL }],
    'items are checked by the handler',
  );
  t.match(await (await send({ pings: [] })).json(), {
    field: 'pings',
    message: 'pings: must be an array of 1 to 1000 pings; got 0',
  });
  const tooMany = [...Array.from({ length: 1001 }, () => ({})), { timestamp: 1.5 }];
  t.match(await (await send({ pings: tooMany })).json(), {
    field: 'pings',
    message: 'pings: must be an array of 1 to 1000 pings; got more',
  });
  t.match(await (await send({ pings: {} })).json(), { field: 'pings', message: /got an object/ });
  t.match(await (await send({ pings: [{}, { timestamp: 1.5 }] })).json(), { field: 'pings[1].timestamp' });
  t.match(await (await fetch(`${url}/ping/batch?pings=x`, { method: 'POST' })).json(), {
    field: 'pings',
    message: /JSON body/,
  });
});

t.test('faults of a handler are logged and not shown', async (t) => {
  recorder.onPing = async () => {
    throw new Error('secret detail');
  };
  const response = await fetch(`${url}/ping?name=a&frequency=1m`);
  t.equal(response.status, 500);
  t.strictSame(await response.json(), { code: 'internal', message: 'internal error' });
  t.match(server.logs.join(''), /secret detail/);
  t.match(server.logs.join(''), /tocsin.v1.HeartbeatService.Ping/);
  recorder.onPing = null;
});

t.test('a handler learns that the caller left', async (t) => {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const started = Promise.withResolvers<void>();
  recorder.onPing = (_request, { signal }) => {
    signal.addEventListener('abort', () => resolve(signal.reason.rawMessage));
    started.resolve();
    return new Promise(() => {});
  };
  const caller = new AbortController();
  const call = fetch(`${url}/ping?name=a&frequency=1m`, { signal: caller.signal });
  await started.promise;
  caller.abort();
  await t.rejects(call);
  t.equal(await promise, 'the caller left');
  await server.close();
});
