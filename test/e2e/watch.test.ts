import { once } from 'node:events';
import { connect } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import t from 'tap';
import { BeatStatus, HeartbeatService } from '../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import { MonitorService, type WatchMonitorsResponse } from '../../gen/ts/tocsin/v1/monitor_pb.ts';
import { RunningServer, temporaryDirectory } from '../support/running-server.ts';
import { pingsOf, unreadWatch } from '../support/unread-watch.ts';

const root = new URL('../../', import.meta.url).pathname;

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

t.test('streams that are broken off leave nothing behind', async (t) => {
  const server = await RunningServer.start({ TOCSIN_DATA_DIR: await temporaryDirectory(t) });
  t.teardown(() => server.kill('SIGTERM'));
  const transport = createGrpcTransport({ baseUrl: server.url });
  // Longer than what a stream may be sent unread: the server waits when it is broken off.
  await createClient(HeartbeatService, transport).pingBatch(pingsOf('long '.repeat(50), 300));
  for (let round = 0; round < 4; round++) {
    const session = connect(server.url);
    const streams = Array.from({ length: 50 }, () => unreadWatch(session));
    await Promise.all(streams.map((stream) => once(stream, 'response')));
    // Half of them one by one, the rest with the connection.
    for (const stream of streams.slice(25)) stream.close(8);
    await Promise.all(streams.slice(25).map((stream) => once(stream, 'close')));
    session.destroy();
  }
  while ((await watchersOf(server.url)) > 0) await sleep(10);
  const monitors = createClient(MonitorService, transport);
  const all = Array.from({ length: 100 }, () => watch(monitors, { namePrefix: 'none' }));
  const first = await Promise.all(all.map((stream) => stream.next().catch(String)));
  t.same([...new Set(first.map((event) => (typeof event === 'string' ? event : told(event))))], ['snapshot']);
  const oneMore = await watch(monitors).failure();
  t.match(oneMore, { code: Code.ResourceExhausted });
  t.equal(await watchersOf(server.url), 100);
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  const ends = [...metrics.matchAll(/_count\{method="\S+WatchMonitors",code="(canceled|internal)"\} (\d+)/g)];
  t.equal(
    ends.reduce((sum, [, , count]) => sum + Number(count), 0),
    200,
    'each of them has come to its end',
  );

  const ended = Promise.all(all.map((stream) => stream.failure()));
  await server.kill('SIGTERM');
  const failures = await ended;
  t.same(
    [...new Set(failures.map(({ code, rawMessage }) => `${code} ${rawMessage}`))],
    [`${Code.Unavailable} the server is shutting down; try again`],
  );
});

async function watchersOf(url: string): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  return Number(/^tocsin_watchers (\d+)$/m.exec(metrics)![1]);
}
