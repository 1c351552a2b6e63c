import { Code } from '@connectrpc/connect';
import t from 'tap';
import { HeartbeatService } from '../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import { CallMetrics, callBucketsS } from '../../server/transport/call-metrics.ts';

const { ping, remove } = HeartbeatService.method;

t.test('calls are counted by method and outcome, and by duration', (t) => {
  const metrics = new CallMetrics();
  t.same(metrics.counts(), []);
  for (const durationMs of [0, 0.5, 0.75, 3, 10_000, 10_001]) metrics.ended(ping, null, durationMs);
  metrics.ended(ping, Code.InvalidArgument, 1);
  metrics.ended(remove, Code.NotFound, 2);
  const [ok, invalid, missing] = metrics.counts();
  t.match(ok, { method: 'tocsin.v1.HeartbeatService/Ping', code: 'ok', count: 6, sumS: 20.00525 });
  t.equal(ok!.buckets.length, callBucketsS.length + 1);
  const bucketOf = (seconds: number) => callBucketsS.indexOf(seconds);
  t.equal(ok!.buckets[bucketOf(0.0005)], 2, 'a bound belongs to its bucket');
  t.equal(ok!.buckets[bucketOf(0.001)], 1);
  t.equal(ok!.buckets[bucketOf(0.005)], 1);
  t.equal(ok!.buckets[bucketOf(10)], 1);
  t.equal(ok!.buckets.at(-1), 1);
  t.match(invalid, { method: 'tocsin.v1.HeartbeatService/Ping', code: 'invalid_argument', count: 1, sumS: 0.001 });
  t.match(missing, { method: 'tocsin.v1.HeartbeatService/Remove', code: 'not_found', count: 1 });
  t.end();
});
