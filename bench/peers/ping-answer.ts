import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { Accepted, type PingResponseSchema } from '../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import { MonitorStatus } from '../../gen/ts/tocsin/v1/monitor_pb.ts';

const frequencyMs = 30 * 86_400_000;

/** What the product answers to a ping, without having done anything for it. */
export function pingAnswer(name: string): MessageInitShape<typeof PingResponseSchema> {
  const nowMs = Date.now();
  return {
    name,
    status: MonitorStatus.UP,
    accepted: Accepted.APPLIED,
    acceptedAt: timestampFromMs(nowMs),
    dueAt: timestampFromMs(nowMs + frequencyMs),
    deadline: timestampFromMs(nowMs + frequencyMs),
  };
}
