import { once } from 'node:events';
import { Agent, type createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { type ClientHttp2Session, connect as connectHttp2, constants } from 'node:http2';
import { type AddressInfo, connect, type Socket } from 'node:net';
import t from 'tap';
import type { Clock } from '../../server/clock.ts';
import { defaultListenerLimits, type ListenerLimits } from '../../server/listener/listener-limits.ts';
import { createListenerServer } from '../../server/listener/listener-server.ts';
import { SystemClock } from '../../server/system-clock.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const echo: Handler = (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () =>
    response.end(`${request.method} ${request.url} ${request.httpVersion} ${Buffer.concat(chunks)}`),
  );
};

async function listen(options: { handler?: Handler; clock?: Clock; limits?: Partial<ListenerLimits> } = {}) {
  const server = createListenerServer({
    clock: options.clock ?? new FakeClock(),
    limits: { ...defaultListenerLimits, ...options.limits },
    handler: options.handler ?? echo,
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()));
  return { server, port, url: `http://127.0.0.1:${port}`, close };
}

/** Connects and waits until the server has the connection. */
async function open(server: ReturnType<typeof createServer>, port: number): Promise<Socket> {
  const accepted = once(server, 'connection');
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await accepted;
  return socket;
}

const textOf = async (socket: Socket): Promise<string> => (await socket.toArray()).join('');

async function overHttp2(session: ClientHttp2Session, headers: object, body?: string): Promise<string> {
  const stream = session.request({ ':path': '/', ...headers });
  stream.end(body);
  return (await stream.toArray()).join('');
}

t.test('both protocols, however their bytes arrive', async (t) => {
  const { server, port, url, close } = await listen();
  t.equal(
    await (await fetch(`${url}/a`, { method: 'POST', body: 'x'.repeat(100_000) })).text(),
    `POST /a 1.1 ${'x'.repeat(100_000)}`,
  );

  const session = connectHttp2(url);
  t.equal(
    await overHttp2(session, { ':path': '/b', ':method': 'POST' }, 'y'.repeat(100_000)),
    `POST /b 2.0 ${'y'.repeat(100_000)}`,
  );
  t.equal(session.remoteSettings.maxConcurrentStreams, defaultListenerLimits.maxConcurrentStreams);
  session.close();

  // Methods that begin as the preface does, in pieces of every size.
  for (const [method, pieces] of [
    ['GET', 1],
    ['POST', 1],
    ['PUT', 1],
    ['PATCH', 2],
    ['PROPFIND', 1],
    ['POST', 3],
    ['POST', 1000],
  ] as const) {
    const socket = await open(server, port);
    socket.setNoDelay(true);
    const bytes = Buffer.from(`${method} /p HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi`);
    for (let at = 0; at < bytes.length; at += pieces) {
      await new Promise((resolve) => socket.write(bytes.subarray(at, at + pieces), resolve));
      await settle(1);
    }
    t.match(await textOf(socket), new RegExp(`${method} /p 1.1 hi$`), `${method} by ${pieces}`);
  }

  // The preface byte by byte, then settings, then a ping frame: answered by settings and a pong.
  const socket = await open(server, port);
  socket.setNoDelay(true);
  for (const byte of Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')) {
    await new Promise((resolve) => socket.write(Buffer.from([byte]), resolve));
    await settle(1);
  }
  socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
  socket.write(Buffer.from([0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]));
  let received = Buffer.alloc(0);
  while (!received.includes(Buffer.from([0, 0, 8, 6, 1, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]))) {
    const [chunk] = await once(socket, 'data');
    received = Buffer.concat([received, chunk]);
  }
  t.equal(received[received.length - 13], 1, 'the ping frame came back, as an acknowledgement');
  socket.destroy();
  await close();
});

t.test('a keep-alive connection and pipelined requests', async (t) => {
  const { server, port, close } = await listen();
  const socket = await open(server, port);
  socket.write(
    'GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\nGET /3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  );
  t.match(await textOf(socket), /GET \/1 1.1[\s\S]*GET \/2 1.1[\s\S]*GET \/3 1.1/);
  await close();
});

t.test('a peer that does not say what it speaks', async (t) => {
  const clock = new FakeClock();
  const { server, port, close } = await listen({ clock, limits: { decideTimeoutMs: 1000 } });
  const silent = await open(server, port);
  const stray = await open(server, port);
  stray.write('P');
  await settle();

  // A byte that is put back while undecided would be read again, without end.
  const before = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, 150));
  const { user, system } = process.cpuUsage(before);
  t.ok(user + system < 75_000, `one stray byte took ${(user + system) / 1000} ms of processor time in 150 ms`);

  const ends = [once(silent, 'close'), once(stray, 'close')];
  await clock.advance(999);
  t.notOk(silent.destroyed || stray.destroyed);
  await clock.advance(1);
  await Promise.all(ends);

  const half = await open(server, port);
  half.end('PRI');
  await once(half, 'close');
  const reset = await open(server, port);
  reset.write('PR');
  reset.resetAndDestroy();
  await once(reset, 'close');
  const decided = await open(server, port);
  decided.write('G');
  await settle();
  await clock.advance(5000);
  t.notOk(decided.destroyed, 'once decided, the timers of HTTP count');
  decided.destroy();
  await close();
});

t.test('a request that trickles in', async (t) => {
  const limits = { headersTimeoutMs: 100, requestTimeoutMs: 200 };
  const { server, port, close } = await listen({ limits });
  const headers = await open(server, port);
  headers.write('GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ');
  const body = await open(server, port);
  body.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc');
  t.match(await textOf(headers), /^HTTP\/1.1 408 /);
  t.match(await textOf(body), /^HTTP\/1.1 408 /);
  await close();
});

t.test('close does not wait for those who only sit there', async (t) => {
  const clock = new FakeClock();
  const { server, port, url, close } = await listen({ clock });
  const agent = new Agent({ keepAlive: true });
  await new Promise<void>((resolve) => {
    httpRequest({ port, agent, host: '127.0.0.1' }, (response) => response.resume().on('end', resolve)).end();
  });
  const session = connectHttp2(url);
  await overHttp2(session, {});
  const silentH2 = connectHttp2(url);
  await once(silentH2, 'remoteSettings');
  const undecided = await open(server, port);
  undecided.write('P');
  const silent = await open(server, port);
  await settle();
  const ends = [session, silentH2, undecided, silent].map((each) => once(each, 'close'));
  await close();
  t.equal(clock.monotonicMs(), 0, 'no timer had to help');
  await Promise.all(ends);
  agent.destroy();
  await t.resolves(close(), 'closing twice does no harm');
});

t.test('close lets what is under way finish', async (t) => {
  const clock = new FakeClock();
  const waiting: ServerResponse[] = [];
  const { url, close } = await listen({ clock, handler: (_request, response) => void waiting.push(response) });
  const http1 = fetch(url).then((response) => response.text());
  const session = connectHttp2(url);
  const http2 = overHttp2(session, {});
  while (waiting.length < 2) await settle(1);
  const closed = close();
  await settle();
  await t.rejects(fetch(url), 'new connections are refused');
  for (const response of waiting) response.end('done');
  t.strictSame(await Promise.all([http1, http2]), ['done', 'done']);
  await closed;
  t.equal(clock.monotonicMs(), 0);
});

t.test('close cuts what does not finish in time', async (t) => {
  const clock = new FakeClock();
  const waiting: ServerResponse[] = [];
  const { url, close } = await listen({
    clock,
    limits: { drainMs: 3000 },
    handler: (_request, response) => void waiting.push(response),
  });
  const http1 = t.rejects(fetch(url));
  const session = connectHttp2(url);
  session.on('error', () => {});
  const stream = session.request({ ':path': '/' });
  stream.on('error', () => {});
  const http2 = once(stream, 'close');
  while (waiting.length < 2) await settle(1);
  let closed = false;
  const closing = close().then(() => {
    closed = true;
  });
  await clock.advance(2999);
  t.notOk(closed);
  await clock.advance(1);
  await Promise.all([http1, http2, closing]);
  session.destroy();
});

t.test('idle HTTP/2 connections go, ones with an open stream stay', async (t) => {
  const waiting: ServerResponse[] = [];
  const handler: Handler = (_request, response) => void waiting.push(response);
  const { url, close } = await listen({ handler, limits: { idleTimeoutMs: 500 } });
  const busy = connectHttp2(url);
  const answer = overHttp2(busy, {});
  while (waiting.length < 1) await settle(1);
  const idle = connectHttp2(url);
  await once(idle, 'close');
  const second = connectHttp2(url);
  await once(second, 'close');
  t.notOk(busy.closed, 'it has been silent for longer');
  waiting[0]!.end('still here');
  t.equal(await answer, 'still here');
  await once(busy, 'close');
  await close();
});

t.test('an HTTP/2 peer that hangs up takes its open streams along', async (t) => {
  const aborted = Promise.withResolvers<void>();
  const handler: Handler = (request) => void request.on('aborted', aborted.resolve);
  const { server, port, url, close } = await listen({ handler });
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const session = connectHttp2(url, { createConnection: () => connect(port, '127.0.0.1') });
  const [socket] = await accepted;
  const ended = once(socket, 'close');
  const stream = session.request({ ':path': '/', ':method': 'POST' });
  stream.on('error', () => {});
  await once(session, 'remoteSettings');
  await settle();
  session.destroy();
  await ended;
  await aborted.promise;
  t.ok(socket.destroyed, 'the server let go of both');
  await close();
});

t.test('an answer that is complete before its request ends the stream', async (t) => {
  const { url, close } = await listen({
    clock: new SystemClock(),
    handler: (_request, response) => void response.end('no'),
  });
  const session = connectHttp2(url);
  const stream = session.request({ ':path': '/', ':method': 'POST' });
  stream.write('x'.repeat(100));
  const closed = once(stream, 'close');
  t.equal((await stream.toArray()).join(''), 'no');
  await closed;
  t.equal(stream.rstCode, constants.NGHTTP2_NO_ERROR);
  t.equal(await overHttp2(session, {}), 'no', 'the connection goes on');
  session.close();
  await close();
});

t.test('more streams, connections or headers than allowed', async (t) => {
  const waiting: ServerResponse[] = [];
  const { server, port, url, close } = await listen({
    handler: (_request, response) => void waiting.push(response),
    limits: { maxConcurrentStreams: 2, maxConnections: 2, maxHeaderBytes: 4096 },
  });
  const session = connectHttp2(url);
  await once(session, 'remoteSettings');
  const streams = [1, 2, 3].map(() => overHttp2(session, {}));
  while (waiting.length < 2) await settle(1);
  await settle(10);
  t.equal(waiting.length, 2, 'the third waits at the client');
  waiting[0]!.end();
  while (waiting.length < 3) await settle(1);
  for (const response of waiting) response.end();
  await Promise.all(streams);

  const socket = await open(server, port);
  const dropped = once(server, 'drop');
  const third = connect(port, '127.0.0.1');
  third.on('error', () => {});
  await dropped;
  third.destroy();
  socket.write(`GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(5000)}\r\n\r\n`);
  t.match(await textOf(socket), /^HTTP\/1.1 431 /);
  session.close();
  await close();
});
