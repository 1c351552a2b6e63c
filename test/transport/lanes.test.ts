import { once } from 'node:events';
import { constants } from 'node:http2';
import { connect } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { create, toBinary, toJsonString } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import fc from 'fast-check';
import t from 'tap';
import { HeartbeatService, PingBatchRequestSchema, PingRequestSchema } from '../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import { GetMonitorRequestSchema } from '../../gen/ts/tocsin/v1/monitor_pb.ts';
import { callError } from '../../server/service/call-error.ts';
import { envelope } from '../../server/transport/lane/envelope-reader.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { closeAgent, openHttp2, overHttp1, overHttp2, type RawAnswer, type RawRequest } from './raw-request.ts';
import { answerTo, serveRecorder } from './serve-recorder.ts';

// The same requests go to two servers: one with its lanes, one without, where the framework and the stock handlers serve
// everything. Whatever a caller or a handler can tell apart must be equal, but for:
//
// - trailers-only: a gRPC error of a lane is one frame of headers, a stock one has the same fields in two. gRPC says that
//   both mean the same.
// - a second message: a lane refuses a unary gRPC request that goes on after its message as it is; the stock handlers
//   read on, so what is wrong with the second message comes first (and five stray bytes pass). Not generated here.

const token = 's3cret';
const maxBodyBytes = 20_000;
const laned = await serveRecorder({ token, maxBodyBytes });
const stock = await serveRecorder({ token, maxBodyBytes, lanes: [] });
const sessions = [await openHttp2(laned.url), await openHttp2(stock.url)] as const;

for (const { recorder } of [laned, stock]) {
  recorder.onPing = async (request) => {
    switch (request.name) {
      case 'fault':
        throw new Error('secret detail');
      case 'refused':
        throw callError({ code: Code.NotFound, field: 'name', message: 'name: 100% unknown – "é"' });
      case 'metadata':
        throw new ConnectError('slow down', Code.ResourceExhausted, { 'retry-after': '7', 'content-type': 'x/y' });
      default:
        return answerTo(request);
    }
  };
}

/** Fixed, so that a run that passes passes again. */
const seed = 20_261_121;

type Seen = { answer: RawAnswer; reached: unknown; byFramework: number };

/** Sends a request, and says what came back and what the handlers got. */
async function observe(server: typeof laned, send: () => Promise<RawAnswer>): Promise<Seen> {
  const { recorder, seen } = server;
  for (const list of [recorder.pings, recorder.batches, recorder.removed, recorder.contexts]) list.length = 0;
  const before = seen.byFramework;
  const answer = await send();
  const reached = {
    pings: recorder.pings.map((ping) => toJsonString(PingRequestSchema, ping)),
    batches: recorder.batches.map((batch) => batch.length),
    removed: [...recorder.removed],
    contexts: recorder.contexts.map(({ userAgent, header }) => [userAgent, typeof header]),
  };
  return { answer, reached, byFramework: seen.byFramework - before };
}

/** Compares both ways for generated requests; the result counts those that a lane took. */
async function compare(
  requests: fc.Arbitrary<RawRequest>,
  options: { runs: number; http2: boolean; normal?: (answer: RawAnswer) => RawAnswer },
): Promise<{ lane: number; served: number }> {
  const normal = options.normal ?? ((answer) => answer);
  const counts = { lane: 0, served: 0 };
  await fc.assert(
    fc.asyncProperty(requests, async (raw) => {
      const [one, other] = [
        await observe(laned, () => (options.http2 ? overHttp2(sessions[0], raw) : overHttp1(laned.port, raw))),
        await observe(stock, () => (options.http2 ? overHttp2(sessions[1], raw) : overHttp1(stock.port, raw))),
      ];
      if (one.byFramework === 0) counts.lane += 1;
      if (one.answer.status === 200) counts.served += 1;
      const shown = JSON.stringify({
        ...raw,
        body: raw.body && Buffer.from(raw.body).toString('latin1').slice(0, 200),
      });
      // Asserting each time would take longer than all the rest.
      const [got, wanted] = [
        { ...normal(one.answer), reached: one.reached },
        { ...normal(other.answer), reached: other.reached },
      ];
      if (!isDeepStrictEqual(got, wanted)) throw new Error(`${shown}\n${JSON.stringify({ got, wanted }, null, 1)}`);
    }),
    { numRuns: options.runs, endOnFailure: true, seed },
  );
  return counts;
}

const mostly = <T>(usual: T, ...others: T[]): fc.Arbitrary<T> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constant(usual) },
    { weight: others.length > 2 ? 2 : 1, arbitrary: fc.constantFrom(...others) },
  );
const none = undefined;

/** Headers of a request; undefined leaves one out. */
const headersOf = (fields: Record<string, fc.Arbitrary<string | undefined>>): fc.Arbitrary<Record<string, string>> =>
  fc
    .record(fields)
    .map((values) =>
      Object.fromEntries(Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== none)),
    );

const authorization = mostly(`Bearer ${token}`, 'Bearer wrong', 'Basic eDp5', none);
const names = fc.constantFrom(
  'a',
  'a',
  'backup',
  'é"\\\n',
  'fault',
  'refused',
  'metadata',
  'unknown',
  '',
  'a\0b',
  'x'.repeat(257),
);
const pingInit = fc.record(
  {
    name: names,
    frequency: fc.constantFrom('10m', '10m', '1h', '10x', ''),
    status: fc.constantFrom(0, 1, 3, 9),
    timestamp: fc.constantFrom(0n, 5n, -1n, 2n ** 60n),
    message: fc.constantFrom('', 'ü', 'x'.repeat(3000), 'x'.repeat(10_001)),
    duration: fc.constantFrom({ seconds: 1n }, { seconds: -1n }),
  },
  { requiredKeys: ['name', 'frequency'] },
);

/** A method, with a message for it in both encodings. */
const calls = fc.oneof(
  { weight: 4, arbitrary: pingInit.map((init) => ['HeartbeatService/Ping', PingRequestSchema, init] as const) },
  names.map((name) => ['MonitorService/GetMonitor', GetMonitorRequestSchema, { name }] as const),
  names.map((name) => ['HeartbeatService/Remove', GetMonitorRequestSchema, { name }] as const),
  fc.constantFrom(0, 1, 60).map((length) => {
    const pings = Array.from({ length }, () => ({ name: 'a', frequency: '1m' }));
    return ['HeartbeatService/PingBatch', PingBatchRequestSchema, { pings }] as const;
  }),
  fc
    .constantFrom('Pong', 'PingStream', 'Ping?x=1', 'ping')
    .map((name) => [`HeartbeatService/${name}`, PingRequestSchema, {}] as const),
);
const messages = calls.map(([path, schema, init]) => {
  const message = create(schema as typeof PingRequestSchema, init as never);
  return {
    path: `/tocsin.v1.${path}`,
    json: Buffer.from(toJsonString(schema as typeof PingRequestSchema, message)),
    proto: Buffer.from(toBinary(schema as typeof PingRequestSchema, message)),
  };
});

const brokenJson = [
  '',
  '{',
  '[]',
  'null',
  '{"name":5}',
  '{"name":"a","name":"b"}',
  '{"nope":{}}',
  '{"status":"FIAL"}',
  '{"name":"\\ud800"}',
];
const broken = fc.oneof(
  fc.constantFrom(...brokenJson).map((text) => Buffer.from(text)),
  fc.constantFrom('ff', '0a', '0aff', '0a01ff', '0a0161120331306d8001', '08').map((hex) => Buffer.from(hex, 'hex')),
  fc.constantFrom(maxBodyBytes + 1, 100_000).map((bytes) => Buffer.alloc(bytes, 0x20)),
);

t.test('REST', async (t) => {
  const value = fc.oneof(
    fc.constantFrom('a', '10m', '5', 'ok', 'fail', '', 'a%20b', '%zz', '%ff', 'a+b', '%00', 'é', '1.5s'),
  );
  const pair = fc.oneof(
    fc.constantFrom(
      'name=a',
      'name=backup',
      'frequency=10m',
      'frequency=1h',
      'name=refused',
      'name=fault',
      'name=metadata',
    ),
    fc
      .tuple(fc.constantFrom('name', 'frequency', 'status', 'timestamp', 'exit_code', 'duration', 'x', ''), value)
      .map((each) => each.join('=')),
  );
  const usual = fc
    .tuple(names, fc.array(pair, { maxLength: 2 }))
    .map(([name, pairs]) => [`name=${encodeURIComponent(name)}`, 'frequency=10m', ...pairs]);
  const requests = fc.record({
    method: mostly('GET', 'POST', 'HEAD', 'PUT', 'DELETE'),
    path: fc
      .tuple(
        mostly('/ping', '/ping/remove', '/monitors', '/monitors/a', '/pingx'),
        fc.oneof(usual, fc.array(pair, { maxLength: 4 })),
      )
      .map(([path, pairs]) => Buffer.from(`${path}?${pairs.join('&')}`).toString('latin1')),
    headers: headersOf({
      authorization,
      'user-agent': fc.constantFrom('curl/8', none),
      'content-type': mostly(none, 'application/json'),
    }),
    body: mostly<Uint8Array | null>(null, Buffer.alloc(0), Buffer.from('{}')),
    chunked: fc.boolean(),
  });
  const first = await compare(requests, { runs: 250, http2: false });
  t.ok(first.lane > 20 && first.served > 10, JSON.stringify(first));
  const second = await compare(
    requests.filter(({ path }) => !/[^\x21-\x7e]/.test(path)),
    { runs: 100, http2: true },
  );
  t.ok(second.lane > 5 && second.served > 2, JSON.stringify(second));
});

t.test('Connect', async (t) => {
  const requests = fc
    .record({
      message: messages,
      binary: fc.boolean(),
      body: mostly<'message' | 'broken' | 'gzip'>('message', 'broken', 'gzip'),
      broken,
      method: mostly('POST', 'PUT', 'GET'),
      type: mostly<string | undefined>(
        'usual',
        'application/json; charset=utf-8',
        'application/json;charset=utf8',
        'Application/JSON',
        'text/plain',
        none,
        'application/connect+json',
      ),
      chunked: fc.boolean(),
      headers: headersOf({
        authorization,
        'connect-protocol-version': mostly<string | undefined>('1', '2', none),
        'accept-encoding': fc.constantFrom('gzip', 'br, gzip', 'identity', '', none),
        'content-encoding': mostly<string | undefined>(none, 'identity', 'gzip', 'nope'),
        'connect-timeout-ms': mostly<string | undefined>(none, '0', '50000', 'abc', '4000000000', '99999999999'),
        'user-agent': fc.constantFrom('connect-es', none),
      }),
    })
    .map(({ message, binary, body, broken, method, type, chunked, headers }): RawRequest => {
      const plain = binary ? message.proto : message.json;
      const contentType = type === 'usual' ? `application/${binary ? 'proto' : 'json'}` : type;
      return {
        method,
        path: message.path,
        headers: contentType === none ? headers : { ...headers, 'content-type': contentType },
        body: method === 'GET' ? null : body === 'message' ? plain : body === 'gzip' ? gzipSync(plain) : broken,
        chunked,
      };
    });
  const first = await compare(requests, { runs: 300, http2: false });
  t.ok(first.lane > 20 && first.served > 10, JSON.stringify(first));
  const second = await compare(requests, { runs: 100, http2: true });
  t.ok(second.lane > 5 && second.served > 2, JSON.stringify(second));
});

t.test('Connect with GET', async (t) => {
  const requests = fc
    .record({
      message: messages,
      encoding: fc.constantFrom('json', 'json', 'proto', 'proto', 'xml', none),
      base64: fc.boolean(),
      compression: mostly<string | undefined>(none, 'identity', 'br', 'nope'),
      spoilt: mostly<string | undefined>(none, '{"name":5}', '%ff', '***'),
      path: mostly(
        '/tocsin.v1.MonitorService/GetMonitor',
        '/tocsin.v1.HeartbeatService/Ping',
        '/tocsin.v1.MonitorService/ListMonitors',
      ),
      headers: headersOf({
        authorization,
        'accept-encoding': fc.constantFrom('gzip', none),
        'content-type': mostly<string | undefined>(none, 'application/json'),
      }),
    })
    .map(({ message, encoding, base64, compression, spoilt, path, headers }): RawRequest => {
      const plain = encoding === 'proto' ? message.proto : message.json;
      const bytes = compression === 'br' ? brotliCompressSync(plain) : plain;
      const text = base64 ? bytes.toString('base64url') : encodeURIComponent(bytes.toString());
      const query = [`message=${spoilt ?? text}`, 'connect=v1'];
      if (encoding !== none) query.push(`encoding=${encoding}`);
      if (base64) query.push('base64=1');
      if (compression !== none) query.push(`compression=${compression}`);
      return { method: 'GET', path: `${path}?${query.join('&')}`, headers, body: null };
    });
  const counts = await compare(requests, { runs: 200, http2: false });
  t.ok(counts.lane > 20 && counts.served > 10, JSON.stringify(counts));
});

/** "trailers-only", see above; an error also has an end of its own. */
function merged(answer: RawAnswer): RawAnswer {
  if ((answer.trailers['grpc-status'] ?? answer.headers['grpc-status']) === '0') return answer;
  const { 'grpc-encoding': _none, ...headers } = answer.headers;
  return { ...answer, headers: { ...headers, ...answer.trailers }, trailers: {} };
}

t.test('gRPC', async (t) => {
  const requests = fc
    .record({
      message: messages,
      body: mostly<'message' | 'broken' | 'short' | 'none' | 'flagged' | 'twice' | 'huge' | 'gzip'>(
        'message',
        'broken',
        'short',
        'none',
        'flagged',
        'twice',
        'huge',
        'gzip',
      ),
      broken,
      cut: fc.constantFrom(1, 4, 6),
      method: mostly('POST', 'PUT'),
      headers: headersOf({
        authorization,
        te: fc.constant('trailers'),
        'content-type': mostly<string | undefined>(
          'application/grpc',
          'application/grpc+proto',
          'application/grpc+json',
          'application/grpc-web+proto',
          'text/plain',
        ),
        'grpc-accept-encoding': fc.constantFrom('identity,deflate,gzip', 'br', 'identity', none),
        'grpc-encoding': mostly<string | undefined>(none, 'identity', 'gzip', 'nope'),
        'grpc-timeout': mostly<string | undefined>(none, '10S', '99999999H', 'x', '5', '0m'),
        'user-agent': fc.constantFrom('grpc-node-js/1.14', none),
      }),
    })
    .map(({ message, body, broken, cut, method, headers }): RawRequest => {
      const whole = envelope(headers['content-type']?.includes('json') ? message.json : message.proto, false);
      const bodies = {
        message: whole,
        broken: envelope(broken, false),
        short: whole.subarray(0, Math.min(cut, whole.length - 1)),
        none: Buffer.alloc(0),
        flagged: envelope(message.proto, true),
        twice: Buffer.concat([whole, whole]),
        huge: Buffer.from('00ffffffff00', 'hex'),
        gzip: envelope(gzipSync(message.proto), true),
      };
      return { method, path: message.path, headers, body: bodies[body] };
    });
  const counts = await compare(requests, { runs: 400, http2: true, normal: merged });
  t.ok(counts.lane > 20, JSON.stringify(counts));
});

const pingPath = '/tocsin.v1.HeartbeatService/Ping';
const pingBody = toBinary(PingRequestSchema, create(PingRequestSchema, { name: 'a', frequency: '1m' }));
const grpcPing = (headers: Record<string, string> = {}): RawRequest => ({
  method: 'POST',
  path: pingPath,
  headers: { 'content-type': 'application/grpc', te: 'trailers', ...headers },
  body: envelope(pingBody, false),
});
const connectPing = (headers: Record<string, string> = {}): RawRequest => ({
  method: 'POST',
  path: pingPath,
  headers: { 'content-type': 'application/proto', ...headers },
  body: pingBody,
});

t.test('what is usual takes a lane', async (t) => {
  const authorized = { authorization: `Bearer ${token}` };
  const ask = { authorization: authorized.authorization, 'accept-encoding': 'gzip, br' };
  const get = '/tocsin.v1.MonitorService/GetMonitor?connect=v1&encoding=json&message=%7B%22name%22%3A%22a%22%7D';
  const usual: RawRequest[] = [
    { method: 'GET', path: '/ping?name=a%20b&frequency=10m&status=fail', headers: authorized, body: null },
    connectPing({ ...ask, 'connect-timeout-ms': '5000' }),
    {
      ...connectPing(),
      headers: { ...ask, 'content-type': 'application/json' },
      body: Buffer.from('{"name":"a","frequency":"1m"}'),
    },
    { method: 'GET', path: get, headers: ask, body: null },
  ];
  for (const raw of usual) {
    for (const send of [() => overHttp1(laned.port, raw), () => overHttp2(sessions[0], raw)]) {
      t.match(await observe(laned, send), { byFramework: 0, answer: { status: 200 } }, raw.path);
    }
  }
  const grpc = grpcPing({ ...authorized, 'grpc-timeout': '5S', 'grpc-accept-encoding': 'identity,deflate,gzip' });
  const seen = await observe(laned, () => overHttp2(sessions[0], grpc));
  t.match(seen, { byFramework: 0, answer: { trailers: { 'grpc-status': '0' } } });
});

t.test('deadlines: a lane on a fake clock, the stock handlers on the real one', async (t) => {
  const clock = new FakeClock();
  const fake = await serveRecorder({ clock });
  const real = await serveRecorder({ lanes: [] });
  const [fakeSession, realSession] = [await openHttp2(fake.url), await openHttp2(real.url)];
  let heard: AbortSignal | null = null;
  const waiting = new Set<() => void>();
  for (const { recorder } of [fake, real]) {
    recorder.onPing = (_request, { signal }) => {
      heard = signal;
      for (const called of waiting) called();
      return new Promise(() => {});
    };
  }
  const called = (): Promise<void> => new Promise((resolve) => waiting.add(resolve));
  const late: [string, () => Promise<RawAnswer>, () => Promise<RawAnswer>][] = [
    [
      'gRPC',
      () => overHttp2(fakeSession, grpcPing({ 'grpc-timeout': '5S' })),
      () => overHttp2(realSession, grpcPing({ 'grpc-timeout': '20m' })),
    ],
    [
      'Connect',
      () => overHttp1(fake.port, connectPing({ 'connect-timeout-ms': '5000' })),
      () => overHttp1(real.port, connectPing({ 'connect-timeout-ms': '20' })),
    ],
  ];
  for (const [name, onLane, onStock] of late) {
    const began = called();
    let done = false;
    const answer = onLane().finally(() => {
      done = true;
    });
    await began;
    await clock.advance(4999);
    t.notOk(done, `${name}: not before its time`);
    await clock.advance(1);
    const ended = await answer;
    t.strictSame(merged(ended), merged(await onStock()), name);
    t.match(heard, { aborted: true, reason: { code: Code.DeadlineExceeded } });
  }
  t.equal(fake.seen.byFramework, 0, 'both took their lane');
  closeAgent();
  for (const session of [fakeSession, realSession]) session.destroy();
  for (const server of [fake, real]) await server.close();
});

t.test('a caller that leaves, and a server that does', async (t) => {
  const server = await serveRecorder();
  const session = await openHttp2(server.url);
  const began = [Promise.withResolvers<AbortSignal>(), Promise.withResolvers<AbortSignal>()];
  const held = Promise.withResolvers<void>();
  let calls = 0;
  server.recorder.onPing = async (request, { signal }) => {
    began[calls++]?.resolve(signal);
    await held.promise;
    return answerTo(request);
  };
  const leaving = session.request({ ':method': 'POST', ':path': pingPath, 'content-type': 'application/grpc' });
  leaving.on('error', () => {});
  leaving.end(envelope(pingBody, false));
  const signal = await began[0]!.promise;
  const aborted = once(signal, 'abort');
  leaving.close(constants.NGHTTP2_CANCEL);
  await aborted;
  t.match(signal.reason, { code: Code.Canceled });

  const overGrpc = overHttp2(session, grpcPing());
  await began[1]!.promise;
  const overConnect = overHttp1(server.port, connectPing());
  while (calls < 3) await settle();
  const closed = server.close();
  await settle();
  held.resolve();
  t.match(await overGrpc, { status: 200, trailers: { 'grpc-status': '0' } }, 'what is under way is answered');
  t.match(await overConnect, { status: 200, headers: { connection: 'close' } });
  await closed;
  t.equal(server.seen.byFramework, 0);
  t.strictSame(server.logs, []);
});

t.test('end', async () => {
  closeAgent();
  for (const session of sessions) session.destroy();
  await laned.close();
  await stock.close();
});

t.test('a caller that leaves before its body has come leaves no timer behind', async (t) => {
  const clock = new FakeClock();
  const after = clock.after.bind(clock);
  let long = 0;
  clock.after = (delayMs, run) => {
    const timer = after(delayMs, run);
    if (delayMs < 1_000_000) return timer;
    long += 1;
    return {
      cancel: () => {
        long -= 1;
        timer.cancel();
      },
    };
  };
  const server = await serveRecorder({ clock });
  server.recorder.onPing = async () => ({});
  const body = JSON.stringify({ name: 'a', frequency: '1m' });
  const head = `POST /${HeartbeatService.typeName}/Ping HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n`;
  const headers = `${head}Connect-Timeout-Ms: 2000000000\r\nContent-Length: ${body.length}\r\n\r\n`;
  for (let n = 0; n < 5; n++) {
    const socket = connect(server.port, '127.0.0.1');
    socket.write(headers + body.slice(0, 3));
    await settle(5);
    socket.destroy();
    await once(socket, 'close');
  }
  await settle(5);
  t.equal(long, 0);
  const socket = connect(server.port, '127.0.0.1');
  socket.write(headers + body);
  t.match(String((await once(socket, 'data'))[0]), /^HTTP\/1.1 200/);
  t.equal(long, 0, 'an answered one neither');
  socket.destroy();
  t.equal(server.seen.byFramework, 0, 'all took the lane');
  await server.close();
});
