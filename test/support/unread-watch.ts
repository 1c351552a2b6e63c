import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import { create, toBinary } from '@bufbuild/protobuf';
import { WatchMonitorsRequestSchema } from '../../gen/ts/tocsin/v1/monitor_pb.ts';

/** A PingBatch of monitors whose names begin so. */
export function pingsOf(prefix: string, count: number) {
  return { pings: Array.from({ length: count }, (_, index) => ({ name: `${prefix}${index}`, frequency: '1h' })) };
}

/** A WatchMonitors of everything, by its content type, of whose answer nothing is read. */
export function unreadWatch(session: ClientHttp2Session, type = 'application/grpc'): ClientHttp2Stream {
  const stream = session.request({
    ':method': 'POST',
    ':path': '/tocsin.v1.MonitorService/WatchMonitors',
    'content-type': type,
    te: 'trailers',
  });
  stream.on('error', () => {});
  const message = toBinary(WatchMonitorsRequestSchema, create(WatchMonitorsRequestSchema));
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  stream.end(Buffer.concat([head, message]));
  return stream;
}
