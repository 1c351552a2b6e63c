import t from 'tap';
import { ChannelTraffic } from '../server/outbox/channel-traffic.ts';
import type { DeliveryStats } from '../server/outbox/delivery-queue.ts';
import { startPage } from '../server/start-page.ts';
import { alertRules } from './support/alert-rules.ts';
import { FakeClock } from './support/fake-clock.ts';

t.test('says when alerts are not getting out, and nothing of a queue that works', async (t) => {
  const clock = new FakeClock();
  const now = clock.wallMs();
  const idle: DeliveryStats = {
    pending: 0,
    oldestCreatedMs: null,
    failing: 0,
    lastError: '',
    buried: 3,
    channels: new Map(),
  };
  const pageWith = (stats: Partial<DeliveryStats>): Promise<string> =>
    startPage({
      store: {
        find: async () => ({ monitors: [], next: null }),
        deliveries: { stats: async () => ({ ...idle, ...stats }) },
      },
      clock,
      config: { token: null, alertUri: 'http://127.0.0.1:4001/' },
      channels: { channels: () => [] },
      rules: { rules: () => alertRules() },
      outbox: { state: () => new ChannelTraffic().state({ wallMs: now, monotonicMs: 0 }) },
    })('http://127.0.0.1:4000');
  const lastError = 'network: connection refused (ECONNREFUSED)';
  const failing = await pageWith({ pending: 5, failing: 2, oldestCreatedMs: now - 75_000, lastError });
  t.match(failing, '>2 alerts could not be delivered yet, the oldest for 75 s: connection refused (ECONNREFUSED)<');
  const pending = await pageWith({ pending: 5, oldestCreatedMs: now });
  t.equal(pending, await pageWith({}), 'what is only under way is no trouble');
  t.notMatch(pending, 'could not be delivered');
});
