import { once } from 'node:events';
import { type ClientHttp2Stream, connect } from 'node:http2';
import { create, toBinary } from '@bufbuild/protobuf';
import { type Client, Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import t from 'tap';
import { BeatStatus, HeartbeatService } from '../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import {
  MonitorService,
  WatchMonitorsRequestSchema,
  type WatchMonitorsResponse,
} from '../../gen/ts/tocsin/v1/monitor_pb.ts';
import { RunningServer, temporaryDirectory } from '../support/running-server.ts';

const root = new URL('../../', import.meta.url).pathname;
const watchPath = '/tocsin.v1.MonitorService/WatchMonitors';

type Stream = { next(): Promise<WatchMonitorsResponse>; leave(): void; failure(): Promise<ConnectError> };

function watch(
  monitors: Client<typeof MonitorService>,
  request: { cursor?: string; namePrefix?: string } = {},
): Stream {
  const abort = new AbortController();
  const events = monitors.watchMonitors(request, { signal: abort.signal })[Symbol.asyncIterator]();
  return {
    next: async () => (await events.next()).value,
    leave: () => abort.abort(),
    failure: async () => {
      try {
        while (!(await events.next()).done);
      } catch (error) {
        return ConnectError.from(error);
      }
      throw new Error('it ended without an error');
    },
  };
}

/** An event in short. */
function told({ event }: WatchMonitorsResponse): string {
  switch (event.case) {
    case 'snapshot':
      return ['snapshot', ...event.value.monitors.map(({ name }) => name)].join(' ');
    case 'changed':
      return `changed ${event.value.name}`;
    case 'removed':
      return `removed ${event.value}`;
    default:
      return String(event.case);
  }
}

function batch(prefix: string, count: number) {
  return { pings: Array.from({ length: count }, (_, index) => ({ name: `${prefix}${index}`, frequency: '1h' })) };
}

t.test('WatchMonitors over every protocol', async (t) => {
  const server = await RunningServer.start({ TOCSIN_DATA_DIR: await temporaryDirectory(t) });
  t.teardown(() => server.kill('SIGTERM'));
  const baseUrl = server.url;
  const transports: Record<string, Transport> = {
    'gRPC over h2c': createGrpcTransport({ baseUrl }),
    'gRPC-web over HTTP/1.1': createGrpcWebTransport({ baseUrl, httpVersion: '1.1' }),
    'gRPC-web over h2c': createGrpcWebTransport({ baseUrl, httpVersion: '2' }),
    'Connect JSON over HTTP/1.1': createConnectTransport({ baseUrl, httpVersion: '1.1', useBinaryFormat: false }),
    'Connect over h2c': createConnectTransport({ baseUrl, httpVersion: '2' }),
  };
  for (const [name, transport] of Object.entries(transports)) {
    await t.test(name, async (t) => {
      const heartbeat = createClient(HeartbeatService, transport);
      const monitors = createClient(MonitorService, transport);
      const namePrefix = `${name} `;
      const stream = watch(monitors, { namePrefix });
      t.equal(told(await stream.next()), 'snapshot');
      await heartbeat.ping({ name: `${name} a`, frequency: '10m' });
      t.equal(told(await stream.next()), `changed ${name} a`);
      await heartbeat.ping({ name: `${name} a`, frequency: '10m', status: BeatStatus.FAIL });
      const { cursor } = await stream.next();
      stream.leave();
      await heartbeat.remove({ name: `${name} a` });
      const resumed = watch(monitors, { namePrefix, cursor });
      t.same([told(await resumed.next()), told(await resumed.next())], ['heartbeat', `removed ${name} a`]);
      resumed.leave();
    });
  }

  await t.test('@grpc/grpc-js', async (t) => {
    const includeDirs = [`${root}proto`];
    const definition = loadSync('tocsin/v1/monitor.proto', { includeDirs, keepCase: true, oneofs: true });
    // biome-ignore lint/suspicious/noExplicitAny: grpc-js types its dynamic stubs no further
    const { tocsin } = grpc.loadPackageDefinition(definition) as any;
    const client = new tocsin.v1.MonitorService(new URL(baseUrl).host, grpc.credentials.createInsecure());
    t.teardown(() => client.close());
    const heartbeat = createClient(HeartbeatService, createGrpcTransport({ baseUrl }));
    const stream = client.WatchMonitors({ name_prefix: 'grpc-js' });
    const next = async () => (await once(stream, 'data'))[0] as Record<string, unknown>;
    t.match(await next(), { event: 'snapshot', snapshot: { first: true, last: true } });
    const changed = next();
    await heartbeat.ping({ name: 'grpc-js', frequency: '10m' });
    t.match(await changed, { event: 'changed', changed: { name: 'grpc-js', frequency: '10m' } });
    const failed = once(stream, 'error');
    stream.cancel();
    t.match(await failed, [{ code: grpc.status.CANCELLED }]);
  });
});

t.test('who does not read is cut, and pings do not wait for it', async (t) => {
  const server = await RunningServer.start({ TOCSIN_DATA_DIR: await temporaryDirectory(t) });
  t.teardown(() => server.kill('SIGTERM'));
  const heartbeat = createClient(HeartbeatService, createGrpcTransport({ baseUrl: server.url }));
  const session = connect(server.url);
  t.teardown(() => session.destroy());
  const stream = rawWatch(session);
  await once(stream, 'response');
  // Nothing is read: HTTP/2 lets the server send 64 KiB, some hundreds of monitors.
  for (let round = 0; round < 23; round++) {
    const { results } = await heartbeat.pingBatch(batch(`${round}-`, 1_000));
    if (results.some(({ result }) => result.case !== 'response')) t.fail('a ping was not answered');
  }
  const trailers = once(stream, 'trailers');
  let bytes = 0;
  stream.on('data', (chunk) => {
    bytes += chunk.length;
  });
  const [{ 'grpc-status': status, 'grpc-message': message }] = await trailers;
  t.equal(status, String(Code.ResourceExhausted));
  t.equal(decodeURIComponent(message), 'more has changed than was read; begin again with the last cursor');
  t.ok(bytes < 500_000, 'only what was sent before it was cut');
});

t.test('streams that are broken off leave nothing behind', async (t) => {
  const server = await RunningServer.start({ TOCSIN_DATA_DIR: await temporaryDirectory(t) });
  t.teardown(() => server.kill('SIGTERM'));
  const transport = createGrpcTransport({ baseUrl: server.url });
  await createClient(HeartbeatService, transport).pingBatch(batch('m', 1_000));
  for (let round = 0; round < 20; round++) {
    const session = connect(server.url);
    const streams = Array.from({ length: 50 }, () => rawWatch(session));
    await Promise.all(streams.map((stream) => once(stream, 'response')));
    // Half of them one by one, the rest with the connection. The snapshot is larger than what they may be sent unread.
    for (const stream of streams.slice(25)) stream.close(8);
    await Promise.all(streams.slice(25).map((stream) => once(stream, 'close')));
    session.destroy();
  }
  const monitors = createClient(MonitorService, transport);
  const all = Array.from({ length: 100 }, () => watch(monitors, { namePrefix: 'none' }));
  const first = await Promise.all(all.map((stream) => stream.next().catch(String)));
  t.same([...new Set(first.map((event) => (typeof event === 'string' ? event : told(event))))], ['snapshot']);
  const oneMore = await watch(monitors).failure();
  t.match(oneMore, { code: Code.ResourceExhausted });
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  t.match(metrics, /_count\{method="tocsin.v1.MonitorService\/WatchMonitors",code="canceled"\} 1000\n/);
  t.match(metrics, /\ntocsin_watchers 100\n/);

  const ended = Promise.all(all.map((stream) => stream.failure()));
  await server.kill('SIGTERM');
  const failures = await ended;
  t.same(
    [...new Set(failures.map(({ code, rawMessage }) => `${code} ${rawMessage}`))],
    [`${Code.Unavailable} the server is shutting down; try again`],
  );
});

/** A gRPC call that reads nothing of the answer. */
function rawWatch(session: ReturnType<typeof connect>): ClientHttp2Stream {
  const stream = session.request({
    ':method': 'POST',
    ':path': watchPath,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  stream.on('error', () => {});
  const message = toBinary(WatchMonitorsRequestSchema, create(WatchMonitorsRequestSchema));
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  stream.end(Buffer.concat([head, message]));
  return stream;
}
