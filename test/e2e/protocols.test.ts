import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { create } from '@bufbuild/protobuf';
import { Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import t from 'tap';
import { Accepted, HeartbeatService, PingStreamRequestSchema } from '../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import { MonitorService, MonitorStatus } from '../../gen/ts/tocsin/v1/monitor_pb.ts';
import { fieldOf } from '../../server/service/call-error.ts';
import { RunningServer, temporaryDirectory } from '../support/running-server.ts';

const root = new URL('../../', import.meta.url).pathname;
const run = promisify(execFile);

t.test('one port, every client', async (t) => {
  const server = await RunningServer.start({ TOCSIN_DATA_DIR: await temporaryDirectory(t) });
  t.teardown(() => server.kill('SIGTERM'));
  const baseUrl = server.url;

  const transports: Record<string, Transport> = {
    'gRPC over h2c': createGrpcTransport({ baseUrl }),
    'gRPC-web over HTTP/1.1': createGrpcWebTransport({ baseUrl, httpVersion: '1.1' }),
    'gRPC-web over h2c': createGrpcWebTransport({ baseUrl, httpVersion: '2' }),
    'Connect JSON over HTTP/1.1': createConnectTransport({ baseUrl, httpVersion: '1.1', useBinaryFormat: false }),
    'Connect proto over HTTP/1.1': createConnectTransport({ baseUrl, httpVersion: '1.1' }),
    'Connect over h2c': createConnectTransport({ baseUrl, httpVersion: '2' }),
  };
  for (const [name, transport] of Object.entries(transports)) {
    await t.test(name, async (t) => {
      const heartbeat = createClient(HeartbeatService, transport);
      const monitors = createClient(MonitorService, transport);
      const answer = await heartbeat.ping({ name, frequency: '10m', grace: '1m' });
      t.match(answer, { name, status: MonitorStatus.UP, accepted: Accepted.APPLIED });
      t.equal(Number(answer.deadline!.seconds - answer.acceptedAt!.seconds), 660);

      const batch = await heartbeat.pingBatch({
        pings: [
          { name: `${name} 1`, frequency: '1h' },
          { name: `${name} 2`, frequency: '1x' },
          { name: '', frequency: '1h' },
        ],
      });
      t.match(
        batch.results.map(({ result }) => (result.case === 'error' ? [result.value.code, result.value.field] : 'ok')),
        ['ok', ['invalid_argument', 'frequency'], ['invalid_argument', 'name']],
      );

      t.match((await monitors.getMonitor({ name })).monitor, { name, frequency: '10m', grace: '1m' });
      const refused = await heartbeat.ping({ name, frequency: '10x' }).catch((error) => ConnectError.from(error));
      t.match(refused, { code: Code.InvalidArgument });
      t.equal(fieldOf(refused as ConnectError), 'frequency');
      await heartbeat.remove({ name });
      const gone = await monitors.getMonitor({ name }).catch((error) => ConnectError.from(error));
      t.match(gone, { code: Code.NotFound });
    });
  }

  await t.test('PingStream answers each item in order, errors included', async (t) => {
    const heartbeat = createClient(HeartbeatService, createGrpcTransport({ baseUrl }));
    async function* items() {
      for (let seq = 1; seq <= 2_500; seq++) {
        const frequency = seq % 100 === 0 ? 'never' : '1h';
        yield create(PingStreamRequestSchema, { seq: BigInt(seq), ping: { name: `stream-${seq % 7}`, frequency } });
      }
    }
    const seen: string[] = [];
    let errors = 0;
    for await (const { seq, result } of heartbeat.pingStream(items())) {
      seen.push(String(seq));
      if (result?.result.case === 'error') errors += 1;
    }
    t.same(
      seen,
      Array.from({ length: 2_500 }, (_, index) => String(index + 1)),
    );
    t.equal(errors, 25);
  });

  await t.test('@grpc/grpc-js', async (t) => {
    const definition = loadSync('tocsin/v1/heartbeat.proto', {
      includeDirs: [`${root}proto`],
      keepCase: true,
      enums: String,
    });
    // biome-ignore lint/suspicious/noExplicitAny: grpc-js types its dynamic stubs no further
    const { tocsin } = grpc.loadPackageDefinition(definition) as any;
    const address = new URL(baseUrl).host;
    const client = new tocsin.v1.HeartbeatService(address, grpc.credentials.createInsecure());
    t.teardown(() => client.close());
    const ping = promisify(client.Ping.bind(client)) as (request: object) => Promise<Record<string, unknown>>;
    t.match(await ping({ name: 'from grpc-js', frequency: '5m' }), {
      name: 'from grpc-js',
      status: 'MONITOR_STATUS_UP',
      accepted: 'ACCEPTED_APPLIED',
    });
    const refused = await ping({ name: '', frequency: '5m' }).catch((error: grpc.ServiceError) => error);
    t.equal(refused.code, grpc.status.INVALID_ARGUMENT);
    // connect-es percent-encodes more than gRPC asks for, and grpc-js decodes nothing.
    t.equal(decodeURIComponent(String(refused.details)), 'name: is required');

    const stream = client.PingStream();
    const answers: Record<string, unknown>[] = [];
    stream.on('data', (answer: Record<string, unknown>) => answers.push(answer));
    const ended = new Promise((resolve, reject) => stream.on('end', resolve).on('error', reject));
    for (let seq = 1; seq <= 3; seq++) stream.write({ seq, ping: { name: 'grpc-js stream', frequency: '5m' } });
    stream.end();
    await ended;
    t.same(
      answers.map(({ seq }) => String(seq)),
      ['1', '2', '3'],
    );
  });

  await t.test('buf curl, through server reflection', async (t) => {
    const buf = `${root}node_modules/.bin/buf`;
    const data = JSON.stringify({ name: 'from buf', frequency: '5m' });
    const method = `${baseUrl}/tocsin.v1.HeartbeatService/Ping`;
    const { stdout } = await run(buf, ['curl', '--http2-prior-knowledge', '--protocol', 'grpc', '-d', data, method]);
    t.match(JSON.parse(stdout), { name: 'from buf', status: 'MONITOR_STATUS_UP' });
  });

  await t.test('the list goes on page by page', async (t) => {
    const names: string[] = [];
    for (let token = ''; ; ) {
      const response = await fetch(`${baseUrl}/monitors?page_size=3&page_token=${token}`);
      const page = (await response.json()) as { monitors: { name: string }[]; next_page_token: string };
      names.push(...page.monitors.map(({ name }) => name));
      token = page.next_page_token;
      if (token === '') break;
    }
    t.same(names, [...new Set(names)].sort(), 'sorted, each once');
    t.ok(names.includes('from grpc-js') && names.includes('from buf') && names.includes('stream-0'));
  });
});
