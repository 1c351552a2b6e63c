import type { Clock } from '../../clock.ts';
import type { BoundService } from '../../service/service-handlers.ts';
import { callerHeaders } from '../caller-headers.ts';
import { binaryReader } from '../codec/binary-reader.ts';
import { binaryWriter } from '../codec/binary-writer.ts';
import type { Invoker } from '../invoker.ts';
import { CallDeadline, grpcTimeoutMs } from './call-deadline.ts';
import { GrpcCall, type GrpcMethod } from './grpc-call.ts';
import { KnownAuthorities } from './known-authorities.ts';
import { AcceptedCompressions } from './response-compression.ts';
import type { StreamLane } from './stream-lane.ts';
import { StreamTimeLimit } from './stream-time-limit.ts';

/** The lane of unary gRPC calls with uncompressed protobuf. */
export function grpcLane(options: {
  services: readonly BoundService[];
  invoker: Invoker;
  clock: Clock;
  maxBodyBytes: number;
  bodyTimeoutMs: number;
}): StreamLane {
  const { invoker, clock, maxBodyBytes } = options;
  const timeLimit = new StreamTimeLimit({ clock, timeoutMs: options.bodyTimeoutMs });
  const compressions = new AcceptedCompressions();
  const authorities = new KnownAuthorities();
  const methods = new Map<string, GrpcMethod>();
  for (const { descriptor } of options.services) {
    for (const method of descriptor.methods) {
      if (method.methodKind !== 'unary') continue;
      const codec = { read: binaryReader(method.input), write: binaryWriter(method.output) };
      const shared = { method, ...codec, invoker, clock, maxBodyBytes, timeLimit, compressions };
      methods.set(`/${descriptor.typeName}/${method.name}`, shared);
    }
  }

  return (stream, headers, onClose) => {
    const type = headers['content-type'];
    if (type !== 'application/grpc' && type !== 'application/grpc+proto') return false;
    const method = methods.get(headers[':path'] ?? '');
    if (method === undefined || headers[':method'] !== 'POST') return false;
    if ((headers['grpc-encoding'] ?? 'identity') !== 'identity' || headers.expect !== undefined) return false;
    const timeoutMs = grpcTimeoutMs(headers['grpc-timeout'] as string | undefined);
    if (timeoutMs === undefined || !authorities.has(headers[':authority'] ?? headers.host)) return false;
    if (invoker.authorize(method.method, callerHeaders(headers)) !== null) return false;
    const deadline = timeoutMs === null ? null : new CallDeadline(clock, timeoutMs);
    new GrpcCall(stream, { method, headers, deadline, onClose });
    return true;
  };
}
