import t from 'tap';
import { ChannelTraffic } from '../../server/outbox/channel-traffic.ts';

t.test('when a channel is tried again is told in whole ms, as the store takes it', async (t) => {
  const traffic = new ChannelTraffic();
  const wallMs = 1_767_225_600_000;
  const generation = traffic.begin();
  const verdict = { kind: 'retryable', reason: 'http_status', detail: 'HTTP 429', retryAfterMs: 2_000 } as const;
  // As the real clock tells: parts of a ms, read at two instants.
  traffic.end({ id: 'd', verdict, random: 0.3, generation }, { wallMs, monotonicMs: 1_234.567 });
  const retryMs = traffic.retryAtMs({ wallMs, monotonicMs: 1_234.789 })!;
  t.ok(Number.isInteger(retryMs), `${retryMs}`);
  t.ok(Math.abs(retryMs - (wallMs + 2_000)) <= 1);
});

t.test('what is told is noted when nothing of it is remembered: its lane went away meanwhile', async (t) => {
  const traffic = new ChannelTraffic();
  traffic.noteTold({ atMs: 5, notices: 2, isDigest: true, memoryMs: 0 });
  t.same(traffic.history, { told: [], lastDigestMs: 5 });
});
