import { once } from 'node:events';
import { connect, type IncomingHttpHeaders } from 'node:http2';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import t from 'tap';
import { HeartbeatService } from '../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import { RunningServer, temporaryDirectory } from '../support/running-server.ts';
import { pingsOf, unreadWatch } from '../support/unread-watch.ts';

t.test('who does not read is cut, and pings do not wait for it', async (t) => {
  const server = await RunningServer.start({ TOCSIN_DATA_DIR: await temporaryDirectory(t) });
  t.teardown(() => server.kill('SIGTERM'));
  const heartbeat = createClient(HeartbeatService, createGrpcTransport({ baseUrl: server.url }));
  const types = ['application/grpc', 'application/grpc-web+proto', 'application/connect+proto'];
  const streams = types.map((type) => {
    const session = connect(server.url);
    t.teardown(() => session.destroy());
    return unreadWatch(session, type);
  });
  await Promise.all(streams.map((stream) => once(stream, 'response')));
  // Nothing is read: HTTP/2 lets the server send 64 KiB, some hundreds of monitors.
  for (let round = 0; round < 23; round++) {
    const { results } = await heartbeat.pingBatch(pingsOf(`${round}-`, 1_000));
    if (results.some(({ result }) => result.case !== 'response')) t.fail('a ping was not answered');
  }
  for (const [index, type] of types.entries()) {
    const stream = streams[index]!;
    const chunks: Buffer[] = [];
    let trailers: IncomingHttpHeaders = {};
    stream.on('trailers', (headers) => {
      trailers = headers;
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(stream, 'end');
    const body = Buffer.concat(chunks);
    t.ok(body.length < 500_000, 'only what was sent before it was cut');
    const end = decodeURIComponent(`${JSON.stringify(trailers)} ${body.subarray(-400).toString('latin1')}`);
    t.match(end, /what there is to tell was not read in time; begin again with the last cursor/, type);
    t.match(end, /"grpc-status":"8"|grpc-status: 8|"code":"resource_exhausted"/, type);
  }
});
