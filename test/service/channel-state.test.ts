import t from 'tap';
import { CircuitState } from '../../gen/ts/tocsin/v1/channel_pb.ts';
import { channelState } from '../../server/service/channel-state.ts';

t.test('what waits for a channel and how it is doing, as the wire has it', async (t) => {
  const idle = {
    circuit: 'closed' as const,
    retryAtMs: null,
    lastSentMs: null,
    lastFailedMs: null,
    lastError: '',
    sent: 0,
    failed: new Map(),
  };
  t.match(channelState(idle, undefined), {
    circuit: CircuitState.CLOSED,
    pending: 0n,
    failing: 0n,
    retryAt: undefined,
  });
  const waiting = { pending: 7, failing: 2, oldestCreatedMs: 1, lastError: 'dns: x' };
  const open = { ...idle, circuit: 'open' as const, retryAtMs: 5_000, lastFailedMs: 3_000, lastError: 'dns: y' };
  t.match(channelState(open, waiting), {
    circuit: CircuitState.OPEN,
    retryAt: { seconds: 5n },
    pending: 7n,
    failing: 2n,
    lastSentAt: undefined,
    lastFailedAt: { seconds: 3n },
    lastError: 'dns: y',
  });
});
