import { Code, ConnectError, createClient } from '@connectrpc/connect';
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
  compressionGzip as gzip,
} from '@connectrpc/connect-node';
import t, { type Test } from 'tap';
import { HeartbeatService } from '../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import { MonitorService } from '../../gen/ts/tocsin/v1/monitor_pb.ts';
import { refuseForeignPage } from '../../server/transport/foreign-page.ts';
import { tenMs } from '../engine/cast.ts';
import { startAppOnFakeClock } from '../support/app-on-fake-clock.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { temporaryDirectory } from '../support/running-server.ts';

// A server on this machine without a token: whatever page its owner looks at can send it requests.

async function startServer(t: Test, env: Record<string, string> = {}) {
  const app = await startAppOnFakeClock(new FakeClock(tenMs), { TOCSIN_DATA_DIR: await temporaryDirectory(t), ...env });
  t.teardown(() => app.stop());
  return app.url;
}

const foreign: Record<string, string>[] = [
  { 'sec-fetch-site': 'cross-site' },
  { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'no-cors' },
  { origin: 'https://elsewhere.example' },
  { origin: 'http://127.0.0.1:1' },
  { origin: 'null' },
];

t.test('who is a page of another origin', async (t) => {
  const refused = (headers: Record<string, string>) => refuseForeignPage({ header: (name) => headers[name] });
  for (const headers of foreign) {
    t.equal(refused({ host: '127.0.0.1:4000', ...headers })?.code, Code.PermissionDenied, JSON.stringify(headers));
  }
  const own: Record<string, string>[] = [
    {},
    { host: 'h:4000', origin: 'http://h:4000', 'sec-fetch-site': 'same-origin' },
    { host: 'H:4000', origin: 'http://h:4000' },
    { ':authority': 'h:4000', origin: 'http://h:4000' },
    { host: 'h', origin: 'https://h' },
    { host: 'h:443', origin: 'https://h' },
    { host: 'h:80', origin: 'http://h' },
    { host: 'h', 'sec-fetch-site': 'none' },
  ];
  for (const headers of own) t.equal(refused(headers), null, JSON.stringify(headers));
  t.match(refused({ host: 'h', origin: 'https://h.evil' }), { rawMessage: /^origin: is not that of this server/ });
  t.match(refused({ origin: 'http://' }), { rawMessage: /^origin: / });
  t.match(refused(foreign[0]!), {
    rawMessage: 'sec-fetch-site: is cross-site; without a token, pages of other origins can only ping',
  });
});

const form = { 'content-type': 'application/x-www-form-urlencoded' };
const plain = { 'content-type': 'text/plain' };
type Sent = [method: string, path: string, headers?: Record<string, string>, body?: string];

const changes: Sent[] = [
  ['POST', '/apply', plain, 'monitors: [{name: evil, frequency: 1m}]'],
  ['POST', '/monitors', form, 'name=evil&frequency=1m'],
  ['POST', '/monitors/pause', form, 'name=a'],
  ['POST', '/monitors/pause?name=a'],
  ['POST', '/monitors/resume', form, 'name=a'],
  ['PUT', '/monitors/a', { 'content-type': 'application/json' }, '{"frequency":"7m"}'],
  ['PATCH', '/monitors/a', { 'content-type': 'application/json' }, '{"frequency":"7m"}'],
  ['GET', '/ping/remove?name=a'],
  ['DELETE', '/ping/a'],
  ['DELETE', '/monitors/a'],
];

t.test('REST: it can ping, and change nothing', async (t) => {
  const url = await startServer(t);
  const send = ([method, path, headers, body]: Sent, more: Record<string, string>) =>
    fetch(url + path, { method, headers: { ...headers, ...more }, ...(body === undefined ? {} : { body }) });
  await fetch(`${url}/ping?name=a&frequency=1h`);
  const exported = async () => (await fetch(`${url}/export`)).text();
  const before = await exported();
  for (const page of foreign) {
    for (const change of changes) {
      const response = await send(change, page);
      t.equal(response.status, 403, `${change[0]} ${change[1]} ${JSON.stringify(page)}`);
      t.match(await response.json(), { code: 'permission_denied', message: /^(origin|sec-fetch-site): / });
    }
    t.equal((await send(['GET', '/ping?name=a&frequency=1h'], page)).status, 200);
    t.equal((await send(['POST', '/ping', form, 'name=a&frequency=1h'], page)).status, 200);
    t.equal((await send(['GET', '/hc/any/a'], page)).status, 200);
    const batch: Sent = ['POST', '/ping/batch', { 'content-type': 'application/json' }, '{"pings":[]}'];
    t.not((await send(batch, page)).status, 403);
    t.equal((await send(['GET', '/monitors'], page)).headers.get('access-control-allow-origin'), null);
  }
  t.equal(await exported(), before);
  t.equal((await send(['DELETE', '/ping/a'], { origin: url, 'sec-fetch-site': 'same-origin' })).status, 200, 'its own');
});

t.test('Connect, gRPC and gRPC-web alike', async (t) => {
  const url = await startServer(t);
  await fetch(`${url}/ping?name=a&frequency=1h`);
  const transports = {
    connect: createConnectTransport({ baseUrl: url, httpVersion: '1.1', useBinaryFormat: false }),
    'connect over HTTP/2': createConnectTransport({ baseUrl: url, httpVersion: '2' }),
    gzip: createConnectTransport({ baseUrl: url, httpVersion: '1.1', sendCompression: gzip, compressMinBytes: 0 }),
    grpc: createGrpcTransport({ baseUrl: url }),
    'grpc-web': createGrpcWebTransport({ baseUrl: url, httpVersion: '1.1' }),
  };
  for (const [name, transport] of Object.entries(transports)) {
    const heartbeats = createClient(HeartbeatService, transport);
    const monitors = createClient(MonitorService, transport);
    for (const headers of foreign) {
      const about = `${name} ${JSON.stringify(headers)}`;
      const removed = await heartbeats.remove({ name: 'a' }, { headers }).catch(ConnectError.from);
      t.match(removed, { code: Code.PermissionDenied }, about);
      const paused = await monitors.pauseMonitor({ name: 'a' }, { headers }).catch(ConnectError.from);
      t.match(paused, { code: Code.PermissionDenied }, about);
      t.equal((await heartbeats.ping({ name: 'a', frequency: '1h' }, { headers })).name, 'a', about);
      t.ok(await monitors.getMonitor({ name: 'a' }, { headers }), about);
    }
    t.ok(await monitors.pauseMonitor({ name: 'a' }, { headers: { origin: url } }), `${name} of its own`);
  }
});

t.test('a token says enough: pages of other origins may have one', async (t) => {
  const url = await startServer(t, { TOCSIN_TOKEN: 'token-of-the-test' });
  const headers = { authorization: 'Bearer token-of-the-test', origin: 'https://elsewhere.example' };
  t.equal((await fetch(`${url}/ping?name=a&frequency=1h`, { headers })).status, 200);
  t.equal((await fetch(`${url}/ping/a`, { method: 'DELETE', headers })).status, 200);
});
