import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect as connectHttp2, constants } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { promisify } from 'node:util';
import { create, toBinary } from '@bufbuild/protobuf';
import { Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import {
  createConnectTransport as createWebConnect,
  createGrpcWebTransport as createWebGrpcWeb,
} from '@connectrpc/connect-web';
import { credentials, loadPackageDefinition, type ServiceError } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import t from 'tap';
import { Health, HealthCheckResponse_ServingStatus as Serving } from '../../gen/ts/grpc/health/v1/health_pb.ts';
import { ServerReflection as ReflectionV1 } from '../../gen/ts/grpc/reflection/v1/reflection_pb.ts';
import { ServerReflection as ReflectionV1Alpha } from '../../gen/ts/grpc/reflection/v1alpha/reflection_pb.ts';
import { Accepted, BeatStatus, HeartbeatService, PingRequestSchema } from '../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import { MonitorService, MonitorStatus } from '../../gen/ts/tocsin/v1/monitor_pb.ts';
import { fieldOf } from '../../server/service/call-error.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { serveRecorder } from './serve-recorder.ts';

const server = await serveRecorder();
const { recorder, url } = server;
const run = promisify(execFile);

const transports: Record<string, Transport> = {
  'Connect JSON over HTTP/1.1': createConnectTransport({ baseUrl: url, httpVersion: '1.1', useBinaryFormat: false }),
  'Connect proto over HTTP/1.1': createConnectTransport({ baseUrl: url, httpVersion: '1.1', useBinaryFormat: true }),
  'Connect JSON over h2c': createConnectTransport({ baseUrl: url, httpVersion: '2', useBinaryFormat: false }),
  'Connect with GET': createConnectTransport({ baseUrl: url, httpVersion: '1.1', useHttpGet: true }),
  'Connect in a browser': createWebConnect({ baseUrl: url }),
  'gRPC-web over HTTP/1.1': createGrpcWebTransport({ baseUrl: url, httpVersion: '1.1' }),
  'gRPC-web in a browser': createWebGrpcWeb({ baseUrl: url }),
  'gRPC over h2c': createGrpcTransport({ baseUrl: url }),
};

for (const [name, transport] of Object.entries(transports)) {
  t.test(name, async (t) => {
    const heartbeats = createClient(HeartbeatService, transport);
    const answer = await heartbeats.ping({
      name: 'ü',
      frequency: '10m',
      status: BeatStatus.FAIL,
      timestamp: 5n,
      duration: { seconds: 1n },
    });
    t.match(answer, { name: 'ü', status: MonitorStatus.UP, accepted: Accepted.APPLIED, deadline: undefined });
    t.match(recorder.pings.at(-1), { name: 'ü', status: BeatStatus.FAIL, timestamp: 5n, duration: { seconds: 1n } });
    t.equal(recorder.contexts.at(-1)?.remoteAddress, '127.0.0.1');

    const monitors = createClient(MonitorService, transport);
    t.match(await monitors.getMonitor({ name: 'a/b' }), { monitor: { name: 'a/b' } });

    const refused = await heartbeats.ping({ name: 'x', frequency: '10x' }).catch(ConnectError.from);
    t.match(refused, { code: Code.InvalidArgument, rawMessage: /^frequency: must be .*; got "10x"$/ });
    t.equal(fieldOf(refused as ConnectError), 'frequency');
    const unknown = await heartbeats.remove({ name: 'unknown' }).catch(ConnectError.from);
    t.match(unknown, { code: Code.NotFound });
    t.equal(fieldOf(unknown as ConnectError), 'name');
    const large = await heartbeats
      .ping({ name: 'x', frequency: '1m', message: 'x'.repeat(100_000) })
      .catch(ConnectError.from);
    t.match(large, { code: Code.ResourceExhausted });
    const invalidBatch = await heartbeats.pingBatch({ pings: [] }).catch(ConnectError.from);
    t.match(invalidBatch, { code: Code.InvalidArgument, rawMessage: /^pings: must be an array of 1 to 1000 pings/ });
    t.equal((await heartbeats.pingBatch({ pings: [{ name: 'a' }, {}] })).results.length, 2);
  });
}

t.test('a method that nobody serves', async (t) => {
  const pong = { ...HeartbeatService.method.ping, name: 'Pong' };
  const other = { ...HeartbeatService, methods: [pong], method: { ...HeartbeatService.method, ping: pong } };
  for (const [name, transport] of Object.entries(transports)) {
    const client = createClient(other as typeof HeartbeatService, transport);
    const error = await client.ping({ name: 'x' }).catch(ConnectError.from);
    t.match(error, { code: Code.Unimplemented, rawMessage: /HeartbeatService\/Pong is not served here/ }, name);
  }
});

t.test('a bidi stream answers item by item', async (t) => {
  for (const name of ['Connect JSON over h2c', 'gRPC over h2c']) {
    const client = createClient(HeartbeatService, transports[name]!);
    const asked = new Set<bigint>();
    const answered = new Map<bigint, () => void>();
    async function* items() {
      for (let seq = 1n; seq <= 3n; seq++) {
        asked.add(seq);
        const answer = new Promise<void>((resolve) => answered.set(seq, resolve));
        yield { seq, ping: { name: `m${seq}`, frequency: '1m' } };
        // Not before the answer to this one: both directions are open at once.
        await answer;
      }
    }
    const seen: [bigint, unknown][] = [];
    for await (const { seq, result } of client.pingStream(items())) {
      seen.push([seq, result?.result.case === 'response' ? result.result.value.name : null]);
      answered.get(seq)!();
    }
    t.strictSame(
      seen,
      [
        [1n, 'm1'],
        [2n, 'm2'],
        [3n, 'm3'],
      ],
      name,
    );
  }
  const http1 = createClient(HeartbeatService, transports['Connect JSON over HTTP/1.1']!);
  await t.rejects(
    async () => {
      for await (const _ of http1.pingStream(
        (async function* () {
          yield {};
        })(),
      ));
    },
    { code: Code.Unknown },
    'HTTP/1.1 has no bidi streams',
  );
});

t.test('deadlines end a call that its handler forgot', async (t) => {
  let served: AbortSignal | null = null;
  recorder.onPing = (_request, { signal }) => {
    served = signal;
    return new Promise(() => {});
  };
  for (const [name, transport] of Object.entries(transports)) {
    const client = createClient(HeartbeatService, transport);
    const error = await client.ping({ name: 'x', frequency: '1m' }, { timeoutMs: 40 }).catch(ConnectError.from);
    t.match(error, { code: Code.DeadlineExceeded }, name);
  }
  // A client that keeps no clock of its own sees what the server says. So long that its handler is reached in any case.
  const headers = { 'content-type': 'application/json', 'connect-timeout-ms': '500' };
  const body = '{"name":"x","frequency":"1m"}';
  const response = await fetch(`${url}/tocsin.v1.HeartbeatService/Ping`, { method: 'POST', headers, body });
  t.strictSame(
    [response.status, await response.json()],
    [504, { code: 'deadline_exceeded', message: 'the operation timed out' }],
  );
  t.match(served, { aborted: true, reason: { code: Code.DeadlineExceeded } });
  recorder.onPing = null;
  const far = { ...headers, 'connect-timeout-ms': '3000000000' };
  const endless = await fetch(`${url}/tocsin.v1.HeartbeatService/Ping`, { method: 'POST', headers: far, body });
  t.equal(endless.status, 200, 'a timeout that no timer can hold is none');
  const grpc = createClient(HeartbeatService, transports['gRPC over h2c']!);
  const answer = await grpc.ping({ name: 'x', frequency: '1m' }, { headers: { 'grpc-timeout': '99999999H' } });
  t.equal(answer.name, 'x');
});

t.test('faults are masked', async (t) => {
  recorder.onPing = async () => {
    throw new Error('secret detail');
  };
  for (const [name, transport] of Object.entries(transports)) {
    const error = await createClient(HeartbeatService, transport)
      .ping({ name: 'x', frequency: '1m' })
      .catch(ConnectError.from);
    t.match(error, { code: Code.Internal, rawMessage: 'internal error' }, name);
  }
  t.equal(server.logs.length, Object.keys(transports).length);
  t.match(server.logs[0], /secret detail/);
  server.logs.length = 0;
  recorder.onPing = null;
});

t.test('Connect as it comes from outside', async (t) => {
  const path = `${url}/tocsin.v1.MonitorService/GetMonitor`;
  const post = (headers: Record<string, string>, body: string | Uint8Array<ArrayBuffer>) =>
    fetch(path, { method: 'POST', headers, body });
  const json = { 'content-type': 'application/json' };

  const unknownFields = await post(json, '{"name":"a","nope":{"x":[1]}}');
  t.match(await unknownFields.json(), { monitor: { name: 'a', status: 'MONITOR_STATUS_UP' } }, 'standard ProtoJSON');
  const get = await fetch(`${path}?connect=v1&encoding=json&message=${encodeURIComponent('{"name":"a","x":1}')}`);
  t.match(await get.json(), { monitor: { name: 'a' } });
  const badGet = await fetch(`${path}?connect=v1&encoding=json&message=${encodeURIComponent('{"name":5}')}`);
  t.match(await badGet.json(), { code: 'invalid_argument', message: 'name: must be a string of valid Unicode' });
  t.equal(
    (await fetch(`${url}/tocsin.v1.HeartbeatService/Ping?message={}&encoding=json`)).status,
    405,
    'a ping changes things',
  );
  t.equal((await post({ 'content-type': 'text/plain' }, 'x')).status, 415);
  t.equal((await post({ ...json, 'content-encoding': 'nope' }, '{}')).status, 501);
  t.equal((await post({ 'content-type': 'application/json; charset=latin1' }, '{}')).status, 415);
  const gzipped = new Uint8Array(
    await new Response(new Blob(['{"name":"z"}']).stream().pipeThrough(new CompressionStream('gzip'))).arrayBuffer(),
  );
  t.match(await (await post({ ...json, 'content-encoding': 'gzip' }, gzipped)).json(), { monitor: { name: 'z' } });
  const proto = await post(
    { 'content-type': 'application/proto' },
    new Uint8Array(toBinary(PingRequestSchema, create(PingRequestSchema, { name: 'p' }))),
  );
  t.equal(proto.status, 200);
  const spelt = await fetch(`${url}/tocsin.v1.HeartbeatService/Ping`, {
    method: 'POST',
    headers: json,
    body: '{"name":"a","frequency":"1m","status":"BEAT_STATUS_FIAL"}',
  });
  t.match(await spelt.json(), {
    code: 'invalid_argument',
    message: /^status: must be one of ok, start, fail, log, keep_alive; got/,
  });
});

t.test('a request without a usable authority is answered', async (t) => {
  for (const start of ['HTTP/1.0\r\n', 'HTTP/1.1\r\nHost: a:b:c\r\nConnection: close\r\n']) {
    const socket = connectTcp(server.port, '127.0.0.1');
    socket.write(
      `POST /tocsin.v1.HeartbeatService/Ping ${start}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`,
    );
    t.match((await socket.toArray()).join(''), /^HTTP\/1.1 400 [\s\S]*host: is missing or not valid/);
  }
});

t.test('a request that never comes in full over HTTP/2', async (t) => {
  const clock = new FakeClock();
  const slow = await serveRecorder({ clock });
  const session = connectHttp2(slow.url);
  const begin = (path: string, type: string) => {
    const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': type });
    stream.on('error', () => {});
    stream.write(Buffer.alloc(3));
    return stream;
  };
  const given = [
    begin('/ping', 'application/json'),
    begin('/tocsin.v1.HeartbeatService/Ping', 'application/grpc'),
    begin('/tocsin.v1.HeartbeatService/Ping', 'application/json'),
  ];
  const stream = begin('/tocsin.v1.HeartbeatService/PingStream', 'application/grpc');
  // Streams of one session reach the server in order; once this answer is here the others have been seen.
  await once(session.request({ ':path': '/healthz' }).resume(), 'end');
  await clock.advance(59_999);
  t.notOk(given.some(({ closed }) => closed));
  const ends = given.map((each) => once(each, 'close'));
  await clock.advance(1);
  await Promise.all(ends);
  for (const { rstCode } of given) t.equal(rstCode, constants.NGHTTP2_CANCEL);
  t.notOk(stream.closed, 'a stream of requests may take its time');
  session.destroy();
  await slow.close();
});

t.test('grpc-js', async (t) => {
  const definition = loadSync('tocsin/v1/heartbeat.proto', { includeDirs: ['proto'], longs: Number, enums: String });
  const { tocsin } = loadPackageDefinition(definition) as never as {
    tocsin: { v1: { HeartbeatService: new (address: string, creds: object) => GrpcJsClient } };
  };
  const client = new tocsin.v1.HeartbeatService(`127.0.0.1:${server.port}`, credentials.createInsecure());
  const call = (request: object) =>
    new Promise((resolve) => client.Ping(request, (error, answer) => resolve(error ?? answer)));
  t.match(await call({ name: 'js', frequency: '1m', status: 'BEAT_STATUS_OK' }), {
    name: 'js',
    status: 'MONITOR_STATUS_UP',
  });
  t.match(await call({ name: 'js', frequency: '0m' }), { code: Code.InvalidArgument, details: /^frequency: must be/ });
  const stream = client.PingStream();
  const seqs: number[] = [];
  const ended = new Promise((resolve) => stream.on('status', resolve));
  stream.on('data', ({ seq }) => seqs.push(seq));
  for (const seq of [7, 8]) stream.write({ seq, ping: { name: 'a', frequency: '1m' } });
  stream.end();
  t.match(await ended, { code: 0 });
  t.strictSame(seqs, [7, 8]);
  client.close();
});

type GrpcJsClient = {
  Ping(request: object, done: (error: ServiceError | null, answer: object) => void): void;
  PingStream(): {
    write(item: object): void;
    end(): void;
    on(event: string, listener: (value: { seq: number }) => void): void;
  };
  close(): void;
};

t.test('health', async (t) => {
  const client = createClient(Health, transports['gRPC over h2c']!);
  for (const service of ['', 'tocsin.v1.HeartbeatService', 'tocsin.v1.MonitorService']) {
    t.equal((await client.check({ service })).status, Serving.SERVING);
  }
  t.match(await client.check({ service: 'x' }).catch(ConnectError.from), { code: Code.NotFound });
  t.strictSame(Object.keys((await client.list({})).statuses).sort(), [
    '',
    'tocsin.v1.HeartbeatService',
    'tocsin.v1.MonitorService',
  ]);

  const caller = new AbortController();
  const seen: Serving[] = [];
  await t.rejects(async () => {
    for await (const { status } of client.watch({ service: '' }, { signal: caller.signal })) {
      seen.push(status);
      if (seen.length === 1) server.health.set(false);
      if (seen.length === 2) server.health.set(true);
      if (seen.length === 3) caller.abort();
    }
  });
  t.strictSame(seen, [Serving.SERVING, Serving.NOT_SERVING, Serving.SERVING]);
  for await (const { status } of client.watch({ service: 'x' })) {
    t.equal(status, Serving.SERVICE_UNKNOWN);
    break;
  }
});

t.test('reflection', async (t) => {
  const buf = 'node_modules/.bin/buf';
  const data = '{"name":"reflected","frequency":"1m","status":"BEAT_STATUS_FAIL"}';
  for (const version of ['grpc-v1', 'grpc-v1alpha']) {
    const args = ['curl', '--http2-prior-knowledge', '--protocol', 'grpc', '--reflect-protocol', version, '-d', data];
    const { stdout } = await run(buf, [...args, `${url}/tocsin.v1.HeartbeatService/Ping`]);
    t.match(JSON.parse(stdout), { name: 'reflected', status: 'MONITOR_STATUS_UP' }, version);
    t.match(recorder.pings.at(-1), { name: 'reflected', status: BeatStatus.FAIL });
  }

  for (const service of [ReflectionV1, ReflectionV1Alpha]) {
    const client = createClient(service as typeof ReflectionV1, transports['gRPC over h2c']!);
    const ask = async (...questions: object[]) => {
      const answers = [];
      async function* requests() {
        for (const messageRequest of questions) yield { host: 'h', messageRequest } as never;
      }
      for await (const answer of client.serverReflectionInfo(requests())) answers.push(answer);
      return answers.map(({ messageResponse }) => messageResponse);
    };
    const [services, byName, bySymbol, byMethod, byField, byEnumValue] = await ask(
      { case: 'listServices', value: '' },
      { case: 'fileByFilename', value: 'tocsin/v1/heartbeat.proto' },
      { case: 'fileContainingSymbol', value: 'tocsin.v1.PingRequest' },
      { case: 'fileContainingSymbol', value: 'tocsin.v1.HeartbeatService.Ping' },
      { case: 'fileContainingSymbol', value: 'tocsin.v1.PingRequest.name' },
      { case: 'fileContainingSymbol', value: 'tocsin.v1.BeatStatus.BEAT_STATUS_OK' },
    );
    t.match(services?.value, {
      service: [
        { name: 'tocsin.v1.HeartbeatService' },
        { name: 'tocsin.v1.MonitorService' },
        { name: 'grpc.health.v1.Health' },
        { name: 'grpc.reflection.v1.ServerReflection' },
        { name: 'grpc.reflection.v1alpha.ServerReflection' },
      ],
    });
    t.equal(byName?.case, 'fileDescriptorResponse');
    for (const answer of [bySymbol, byMethod, byField, byEnumValue]) t.strictSame(answer, byName);

    const [extension, numbers, noFile, noSymbol, noMember, noExtension, nothing] = await ask(
      {
        case: 'fileContainingExtension',
        value: { containingType: 'google.protobuf.MethodOptions', extensionNumber: 72295728 },
      },
      { case: 'allExtensionNumbersOfType', value: 'google.protobuf.MethodOptions' },
      { case: 'fileByFilename', value: 'nope.proto' },
      { case: 'fileContainingSymbol', value: 'nope' },
      { case: 'fileContainingSymbol', value: 'tocsin.v1.PingRequest.nope' },
      {
        case: 'fileContainingExtension',
        value: { containingType: 'google.protobuf.MethodOptions', extensionNumber: 1 },
      },
      { case: undefined },
    );
    t.equal(extension?.case, 'fileDescriptorResponse');
    t.match(numbers?.value, { baseTypeName: 'google.protobuf.MethodOptions', extensionNumber: [72295728] });
    for (const answer of [noFile, noSymbol, noMember, noExtension])
      t.match(answer?.value, { errorCode: Code.NotFound });
    t.match(nothing?.value, { errorCode: Code.InvalidArgument });
  }
});

t.test('shutdown ends streams, and what they took is answered', async (t) => {
  const client = createClient(HeartbeatService, transports['gRPC over h2c']!);
  const held = Promise.withResolvers<void>();
  const seqs: bigint[] = [];
  const error = await (async () => {
    for await (const { seq } of client.pingStream(
      (async function* () {
        yield { seq: 1n, ping: { name: 'a', frequency: '1m' } };
        await held.promise;
      })(),
    )) {
      seqs.push(seq);
      server.shutDown();
    }
    return null;
  })().catch(ConnectError.from);
  held.resolve();
  t.strictSame(seqs, [1n]);
  t.match(error, { code: Code.Unavailable, rawMessage: 'the server is shutting down' });
  const unary = await client.ping({ name: 'late', frequency: '1m' });
  t.equal(unary.name, 'late', 'unary calls are still served until the listener is closed');
  await server.close();
  t.strictSame(server.logs, []);
});
