import { createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node';
import t from 'tap';
import { HeartbeatService } from '../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import { RunningServer, temporaryDirectory } from '../support/running-server.ts';

/** The value of each line of a scrape, by what stands before it. */
function samples(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
}

t.test('calls of every protocol show in the metrics, whichever way they took', async (t) => {
  const env = { TOCSIN_DATA_DIR: await temporaryDirectory(t), TOCSIN_TOKEN: 'a-token-that-is-long-enough' };
  const server = await RunningServer.start(env);
  t.teardown(() => server.kill('SIGKILL'));
  const headers = { authorization: `Bearer ${env.TOCSIN_TOKEN}` };
  const get = (path: string, init: RequestInit = { headers }) => fetch(server.url + path, init);

  t.equal((await get('/metrics', {})).status, 401);
  const basic = { authorization: `Basic ${Buffer.from(`prometheus:${env.TOCSIN_TOKEN}`).toString('base64')}` };
  t.equal((await get('/metrics', { headers: basic })).status, 200);

  t.equal((await get('/ping?name=job&frequency=10m')).status, 200, 'the REST lane');
  t.equal((await get('/ping?name=job&frequency=10m&unknown=x')).status, 200, 'the bridge');
  t.equal((await get('/ping?name=job&frequency=soon')).status, 400);
  t.equal((await get('/ping?name=job&frequency=10m&timestamp=abc')).status, 400, 'cannot be read at all');
  t.equal((await get('/ping?name=job&frequency=10m', {})).status, 401);
  const broken = { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: '{' };
  t.equal((await get('/tocsin.v1.HeartbeatService/Ping', broken)).status, 400, 'nor this');
  const options = { baseUrl: server.url };
  for (const transport of [createConnectTransport({ ...options, httpVersion: '1.1' }), createGrpcTransport(options)]) {
    await createClient(HeartbeatService, transport).ping({ name: 'other', frequency: '1h' }, { headers });
  }

  const response = await get('/metrics');
  t.match(response.headers.get('content-type'), /^text\/plain/);
  const text = await response.text();
  const found = samples(text);
  const count = (code: string) =>
    found.get(`tocsin_call_duration_seconds_count{method="tocsin.v1.HeartbeatService/Ping",code="${code}"}`);
  t.equal(count('ok'), 4);
  t.equal(count('invalid_argument'), 3);
  t.equal(count('unauthenticated'), 1);
  const bucket = 'tocsin_call_duration_seconds_bucket{method="tocsin.v1.HeartbeatService/Ping",code="ok",le="+Inf"}';
  t.equal(found.get(bucket), 4);
  t.equal(found.get('tocsin_monitors'), 2);
  t.equal(found.get('tocsin_monitors_awaited'), 2);
  t.equal(found.get('tocsin_store_failing'), 0);
  t.equal(found.get('tocsin_alerts_pending'), 0);
  t.ok((found.get('process_cpu_seconds_total') ?? 0) > 0, 'and those of the process');
  t.match(text, /# TYPE tocsin_call_duration_seconds histogram/);
});
