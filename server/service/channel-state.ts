import type { MessageInitShape } from '@bufbuild/protobuf';
import { type ChannelStateSchema, CircuitState } from '../../gen/ts/tocsin/v1/channel_pb.ts';
import type { TrafficState } from '../outbox/channel-traffic.ts';
import type { ChannelStats } from '../outbox/delivery-queue.ts';
import { timestampOf } from './monitor-message.ts';

const circuits: Record<TrafficState['circuit'], CircuitState> = {
  closed: CircuitState.CLOSED,
  open: CircuitState.OPEN,
  half_open: CircuitState.HALF_OPEN,
};

/** How a channel is doing, as the wire has it. `waiting`: undefined when nothing waits. */
export function channelState(
  traffic: TrafficState,
  waiting: ChannelStats | undefined,
): MessageInitShape<typeof ChannelStateSchema> {
  return {
    circuit: circuits[traffic.circuit],
    retryAt: timestampOf(traffic.retryAtMs),
    pending: BigInt(waiting?.pending ?? 0),
    failing: BigInt(waiting?.failing ?? 0),
    lastSentAt: timestampOf(traffic.lastSentMs),
    lastFailedAt: timestampOf(traffic.lastFailedMs),
    lastError: traffic.lastError,
  };
}
