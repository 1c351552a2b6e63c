import { connect } from 'node:net';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import t from 'tap';
import { Health } from '../../gen/ts/grpc/health/v1/health_pb.ts';
import { ServerReflection } from '../../gen/ts/grpc/reflection/v1/reflection_pb.ts';
import { HeartbeatService } from '../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import { Authenticator } from '../../server/transport/authenticator.ts';
import { serveRecorder } from './serve-recorder.ts';

const token = 'correct-horse';
const server = await serveRecorder({ token });
const { recorder, url } = server;
const bearer = { authorization: `Bearer ${token}` };

t.test('REST', async (t) => {
  const path = `${url}/ping?name=a&frequency=1m`;
  const wrong = [
    undefined,
    'Bearer wrong',
    `Bearer ${token}x`,
    'Bearer ',
    'Bearer',
    token,
    `Basic ${btoa(`x:${token}`)}`,
    `bearer ${token} x`,
  ];
  for (const authorization of wrong) {
    const response = await fetch(path, { headers: authorization === undefined ? {} : { authorization } });
    t.equal(response.status, 401, authorization ?? 'no header');
    t.equal(response.headers.get('www-authenticate'), 'Bearer');
    t.match(await response.json(), {
      code: 'unauthenticated',
      message: /is (missing|wrong): send "authorization: Bearer/,
    });
  }
  t.equal((await fetch(`${url}/nope`)).status, 401, 'nor does it tell which paths exist');
  t.strictSame(recorder.pings, []);
  for (const authorization of [`Bearer ${token}`, `bearer  ${token}`, `BEARER ${token}`]) {
    t.equal((await fetch(path, { headers: { authorization } })).status, 200);
  }
});

t.test('RPCs on every protocol, reflection too, but not health', async (t) => {
  recorder.pings.length = 0;
  for (const transport of [
    createConnectTransport({ baseUrl: url, httpVersion: '1.1' }),
    createConnectTransport({ baseUrl: url, httpVersion: '2', useBinaryFormat: true }),
    createGrpcTransport({ baseUrl: url }),
    createGrpcWebTransport({ baseUrl: url, httpVersion: '1.1' }),
  ]) {
    const client = createClient(HeartbeatService, transport);
    for (const headers of [{}, { authorization: 'Bearer wrong' }]) {
      const error = await client.ping({ name: 'a', frequency: '1m' }, { headers }).catch(ConnectError.from);
      t.match(error, { code: Code.Unauthenticated });
      t.equal((error as ConnectError).metadata.get('www-authenticate'), 'Bearer');
    }
    t.equal((await client.ping({ name: 'a', frequency: '1m' }, { headers: bearer })).name, 'a');
    t.equal((await createClient(Health, transport).check({})).status, 1, 'health is open');
  }
  t.equal(recorder.pings.length, 4);

  const transport = createGrpcTransport({ baseUrl: url });
  const reflection = createClient(ServerReflection, transport);
  const heartbeats = createClient(HeartbeatService, transport);
  async function* nothing() {}
  const first = (answers: AsyncIterable<unknown>) => answers[Symbol.asyncIterator]().next().catch(ConnectError.from);
  t.match(await first(reflection.serverReflectionInfo(nothing())), { code: Code.Unauthenticated });
  t.match(await first(heartbeats.pingStream(nothing())), { code: Code.Unauthenticated });
  t.match(await first(heartbeats.pingStream(nothing(), { headers: bearer })), { done: true });
  const pong = { ...HeartbeatService.method.ping, name: 'Pong' };
  const other = { ...HeartbeatService, methods: [pong] } as typeof HeartbeatService;
  t.match(await createClient(other, transport).ping({}).catch(ConnectError.from), { code: Code.Unauthenticated });
});

t.test('a caller without token is answered before its body is read', async (t) => {
  for (const path of ['/ping', '/tocsin.v1.HeartbeatService/Ping']) {
    const socket = connect(server.port, '127.0.0.1');
    // The body that is announced never comes.
    socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n`);
    const [answer] = await new Promise<string[]>((resolve) => socket.once('data', (chunk) => resolve([String(chunk)])));
    t.match(answer, /^HTTP\/1.1 401 /, path);
    t.match(answer, /www-authenticate: bearer/i);
    socket.destroy();
  }
});

t.test('the page takes a password, health takes none', async (t) => {
  t.equal((await fetch(`${url}/healthz`)).status, 200);
  const refused = await fetch(`${url}/`);
  t.equal(refused.status, 401);
  t.match(refused.headers.get('www-authenticate'), /^Basic realm="tocsin"/);
  t.match(refused.headers.get('content-security-policy'), /default-src 'none'/);
  const basic = (credentials: string) => ({ authorization: `Basic ${btoa(credentials)}` });
  for (const headers of [basic(`any:${token}`), basic(`:${token}`), bearer]) {
    t.equal((await fetch(`${url}/`, { headers })).status, 200);
  }
  for (const headers of [basic('any:wrong'), basic(token), basic(`${token}:`), { authorization: 'Basic ???' }]) {
    t.equal((await fetch(`${url}/`, { headers })).status, 401);
  }
  await server.close();
});

t.test('without a token everything is open', async (t) => {
  const open = new Authenticator(undefined);
  t.equal(open.check(undefined), null);
  t.ok(open.checkPage(undefined));
});
