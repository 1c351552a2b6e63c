import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import t from 'tap';
import { defaultListenerLimits, type ListenerLimits } from '../../server/listener/listener-limits.ts';
import { createListenerServer } from '../../server/listener/listener-server.ts';
import type { LaneAnswer, LaneRequest } from '../../server/transport/lane/lane-request.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';

const text = (body: string): LaneAnswer => ({ status: 200, headers: { 'content-type': 'text/plain' }, body });

/** A listener whose lane takes "/lane" and whose node:http serves all else; both say what they got. */
async function listen(
  options: {
    /** Serves what the lane takes; by default its path and body are the answer. */
    serve?: (request: LaneRequest, body: Buffer | null) => void;
    limits?: Partial<ListenerLimits>;
    maxBodyBytes?: number;
  } = {},
) {
  const clock = new FakeClock();
  const serve =
    options.serve ?? ((request, body) => request.answer(text(`${request.method} ${request.target} ${body}`), false));
  const server = createListenerServer({
    clock,
    limits: { ...defaultListenerLimits, ...options.limits },
    httpLane: (request) => {
      if (!request.target.startsWith('/lane')) return false;
      request.readBody(options.maxBodyBytes ?? 1_000_000, (body) => serve(request, body));
      return true;
    },
    handler: (request: IncomingMessage, response: ServerResponse) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk) => chunks.push(chunk));
      request.on('end', () => response.end(`node ${request.url} ${Buffer.concat(chunks)}`));
    },
  });
  const refused: unknown[] = [];
  server.on('clientError', (error: Error & { code?: string }, socket) => {
    refused.push(error.code);
    socket.end('refused');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()));
  /** Connects, sends, and gives both ends of the connection. */
  const open = async (sent: string): Promise<{ client: Socket; peer: Socket }> => {
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const client = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    client.on('error', () => {});
    const [peer] = await accepted;
    client.write(sent);
    await settle(5);
    return { client, peer };
  };
  return { server, clock, refused, port, close, open };
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
const post = (path: string, body: string, length = body.length): string =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n${body}`;
const readAll = async (socket: Socket): Promise<string> => Buffer.concat(await socket.toArray()).toString('latin1');
const closeOf = (socket: Socket): Promise<void> => new Promise((resolve) => socket.on('close', () => resolve()));
/** Reads until `wanted` has come. */
async function readUntil(socket: Socket, wanted: string): Promise<string> {
  let seen = '';
  while (!seen.includes(wanted)) seen += (await once(socket, 'data'))[0].toString('latin1');
  return seen;
}

t.test('answers as they are on the wire', async (t) => {
  const answers: LaneAnswer[] = [
    { status: 200, headers: { 'content-type': 'text/plain' }, body: 'ok' },
    { status: 404, headers: {}, body: 'ü' },
    { status: 500, headers: { a: '1', b: '2' }, body: Buffer.from([0, 255, 13, 10]) },
    { status: 503, headers: {}, body: Buffer.alloc(100_000, 'x') },
    { status: 429, headers: {}, body: 'é'.repeat(10_000) },
  ];
  const { open, close } = await listen({
    serve: (request) => {
      const index = Number(request.target.slice(5));
      request.answer(answers[index]!, index === 4);
      request.answer(text('a second time'), false);
    },
  });
  const { client } = await open(answers.map((_, index) => get(`/lane${index}`)).join(''));
  const date = 'Date: Thu, 01 Jan 2026 00:00:00 GMT';
  const kept = 'Connection: keep-alive\r\nKeep-Alive: timeout=75';
  t.equal(
    await readAll(client),
    [
      `HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: text/plain\r\n${date}\r\n${kept}\r\n\r\nok`,
      `HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n${date}\r\n${kept}\r\n\r\n\xc3\xbc`,
      `HTTP/1.1 500 Internal Server Error\r\ncontent-length: 4\r\na: 1\r\nb: 2\r\n${date}\r\n${kept}\r\n\r\n\0\xff\r\n`,
      `HTTP/1.1 503 Service Unavailable\r\ncontent-length: 100000\r\n${date}\r\n${kept}\r\n\r\n${'x'.repeat(100_000)}`,
      `HTTP/1.1 429 Too Many Requests\r\ncontent-length: 20000\r\nconnection: close\r\n${date}\r\n\r\n${'\xc3\xa9'.repeat(10_000)}`,
    ].join(''),
  );
  await close();
});

t.test('what no lane takes goes to node:http with all that follows, and stays there', async (t) => {
  let taken = 0;
  const { open, close } = await listen({
    serve: (request, body) => {
      taken += 1;
      request.answer(text(`lane ${body}`), false);
    },
  });
  const { client } = await open(
    post('/lane', 'one') +
      post('/other', 'two') +
      post('/lane', 'three') +
      get('/last').replace('\r\n', '\r\nConnection: close\r\n'),
  );
  const bodies = (await readAll(client)).match(/(lane|node) .*?(?=HTTP|\r|$)/g);
  t.strictSame(bodies, ['lane one', 'node /other two', 'node /lane three', 'node /last ']);
  t.equal(taken, 1);
  await close();
});

t.test('bodies: in pieces, over the limit, not wanted', async (t) => {
  const bodies: (string | null)[] = [];
  const { open, close } = await listen({
    maxBodyBytes: 10,
    serve: (request, body) => {
      bodies.push(body === null ? null : body.toString());
      request.answer(text('ok'), false);
    },
  });
  const { client } = await open(post('/lane', '01', 10));
  t.strictSame(bodies, []);
  client.write('234567');
  await settle(5);
  client.write(`89${post('/lane', 'x'.repeat(11))}${post('/lane', '')}`);
  await settle(5);
  t.strictSame(bodies, ['0123456789', null, '']);
  client.destroy();
  await close();
});

t.test('one request at a time; what is sent ahead waits in the kernel', async (t) => {
  const waiting: LaneRequest[] = [];
  const { open, close } = await listen({ serve: (request) => void waiting.push(request) });
  const { client, peer } = await open(get('/lane1') + get('/lane2') + post('/lane3', 'x'.repeat(500_000)));
  await settle(50);
  t.equal(waiting.length, 1);
  t.ok(peer.bytesRead < 200_000, `${peer.bytesRead} bytes were read ahead`);
  for (const path of ['/lane1', '/lane2', '/lane3']) {
    while (waiting.length === 0) await settle(1);
    t.equal(waiting[0]!.target, path);
    waiting.shift()!.answer(text(path), path === '/lane3');
  }
  t.match(await readAll(client), /\/lane1HTTP[\s\S]*\/lane2HTTP[\s\S]*\/lane3$/);
  await close();
});

t.test('a caller that does not read is not read from', async (t) => {
  const count = 400;
  let served = 0;
  const { open, close } = await listen({
    serve: (request) => {
      served += 1;
      request.answer({ status: 200, headers: {}, body: Buffer.alloc(100_000, 'x') }, served === count);
    },
  });
  const { client } = await open(get('/lane').repeat(count));
  await settle(100);
  t.ok(served < count, `${served} answers were written to nobody`);
  t.equal((await readAll(client)).match(/HTTP\/1\.1 200/g)?.length, count, 'all of them once it reads');
  await close();
});

t.test('idle connections go, those with a call under way stay', async (t) => {
  const waiting: LaneRequest[] = [];
  const { clock, open, close } = await listen({
    limits: { idleTimeoutMs: 5000, headersTimeoutMs: 1000, requestTimeoutMs: 3000 },
    serve: (request) => {
      if (request.target === '/lane/wait') waiting.push(request);
      else request.answer(text('ok'), false);
    },
  });
  const idle = await open(get('/lane'));
  const busy = await open(get('/lane/wait'));
  await clock.advance(4000);
  idle.client.write(get('/lane'));
  await settle(5);
  await clock.advance(4000);
  t.notOk(idle.peer.destroyed, 'it is idle since its last answer');
  await clock.advance(2000);
  t.ok(idle.peer.destroyed);
  await clock.advance(60_000);
  t.notOk(busy.peer.destroyed);
  waiting[0]!.answer(text('late'), false);
  t.match(await readUntil(busy.client, 'late'), /200 OK/);
  await clock.advance(6000);
  t.ok(busy.peer.destroyed);
  await close();
});

t.test('a caller that never takes its last answer', async (t) => {
  const body = Buffer.alloc(20_000_000, 'x');
  const { clock, open, close } = await listen({
    limits: { idleTimeoutMs: 5000 },
    serve: (request) => request.answer({ status: 200, headers: {}, body }, true),
  });
  const { peer } = await open(get('/lane'));
  await clock.advance(5000);
  t.notOk(peer.destroyed);
  await clock.advance(1000);
  t.ok(peer.destroyed);
  await close();
});

t.test('a body that trickles in, or breaks off', async (t) => {
  const { clock, open, close, refused } = await listen({ limits: { headersTimeoutMs: 1000, requestTimeoutMs: 3000 } });
  const slow = await open(post('/lane', 'x', 10));
  await clock.advance(2000);
  slow.client.write('y');
  await settle(5);
  await clock.advance(1000);
  t.strictSame(refused, []);
  await clock.advance(1000);
  t.strictSame(refused, ['ERR_HTTP_REQUEST_TIMEOUT'], 'counted from its head, not from its last byte');
  t.equal(await readAll(slow.client), 'refused');
  const broken = await open(post('/lane', 'x', 10));
  broken.client.end();
  t.equal(await readAll(broken.client), 'refused');
  t.equal(refused[1], 'HPE_INVALID_EOF_STATE');
  await close();
});

t.test('a caller that leaves', async (t) => {
  const waiting: LaneRequest[] = [];
  const { open, close } = await listen({ serve: (request) => void waiting.push(request) });
  let left = 0;
  const reset = await open(get('/lane'));
  waiting[0]!.onLeave(() => {
    left += 1;
  });
  const gone = closeOf(reset.peer);
  reset.client.resetAndDestroy();
  await gone;
  t.equal(left, 1);
  waiting[0]!.answer(text('to nobody'), false);
  waiting[0]!.onLeave(() => {
    left += 1;
  });
  t.equal(left, 2, 'it has left already');

  const half = await open(get('/lane') + get('/lane'));
  half.client.end();
  await settle(5);
  waiting[1]!.onLeave(() => t.fail('it still listens'));
  waiting[1]!.answer(text('first'), false);
  while (waiting.length < 3) await settle(1);
  waiting[2]!.answer(text('second'), false);
  t.match(await readAll(half.client), /first[\s\S]*second$/, 'a caller that only closed its own side has its answers');

  const answered = await open(get('/lane'));
  waiting[3]!.onLeave(() => t.fail('it had its answer'));
  waiting[3]!.answer(text('ok'), false);
  const over = closeOf(answered.peer);
  answered.client.resetAndDestroy();
  await over;
  await close();
});

t.test('close: idle ones at once, busy ones with their answer, in time', async (t) => {
  const waiting: LaneRequest[] = [];
  const { clock, open, close } = await listen({
    limits: { drainMs: 3000 },
    serve: (request) => {
      if (request.target === '/lane') request.answer(text('ok'), false);
      else waiting.push(request);
    },
  });
  const idle = await open(get('/lane'));
  const busy = await open(get('/lane/wait'));
  const sending = await open(post('/lane/wait', 'x', 2));
  const stuck = await open(get('/lane/wait'));
  let closed = false;
  const closing = close().then(() => {
    closed = true;
  });
  t.match(await readAll(idle.client), /ok$/);
  sending.client.write('y');
  while (waiting.length < 3) await settle(1);
  for (const request of [waiting[0]!, waiting[2]!]) request.answer(text('done'), true);
  t.match(await readAll(busy.client), /connection: close[\s\S]*done$/);
  t.match(await readAll(sending.client), /connection: close[\s\S]*done$/);
  await clock.advance(2999);
  t.notOk(closed);
  await clock.advance(1);
  await closing;
  t.ok(stuck.peer.destroyed);
});
