import type { Clock } from '../clock.ts';
import type { Verdict } from '../notify/notifier.ts';
import type { ChannelTraffic } from './channel-traffic.ts';
import type { ClaimedDelivery, Settlement } from './delivery-queue.ts';
import type { Lane } from './lanes.ts';
import type { OutboxLog } from './outbox-log.ts';
import { settlementOf } from './settlement-of.ts';

/** Notifiers have limits of their own, 30 s at most; below the lease, so that nobody else has it meanwhile. */
const attemptMaxMs = 50_000;

/** What one delivery is attempted with. */
export type AttemptContext = {
  traffic: ChannelTraffic;
  clock: Clock;
  /** Uniform in [0, 1). */
  random: () => number;
  log: OutboxLog;
};

/** Makes one attempt, notes in the traffic of its channel how it went, and returns what it means. Never rejects. */
export async function attemptDelivery(
  delivery: ClaimedDelivery,
  { lane, abort, context }: { lane: Lane; abort: AbortController; context: AttemptContext },
): Promise<Settlement> {
  const { id, channel } = delivery;
  const { traffic, clock, random, log } = context;
  const startedMs = clock.wallMs();
  const beganMs = clock.monotonicMs();
  const generation = traffic.begin();
  const verdict = await sendInTime(delivery, { lane, abort, context });
  const now = { wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() };
  const wasClosed = traffic.retryAtMs(now) === null;
  traffic.end({ id, verdict, random: random(), generation }, now);
  log.circuit(channel, { wasClosed, retryAtMs: traffic.retryAtMs(now) });
  return settleAs(delivery, verdict, { startedMs, latencyMs: Math.round(now.monotonicMs - beganMs), context });
}

/** What a verdict means for a delivery, as things stand in its channel. */
export function settleAs(
  delivery: ClaimedDelivery,
  verdict: Verdict,
  { startedMs, latencyMs, context }: { startedMs: number; latencyMs: number; context: AttemptContext },
): Settlement {
  const { traffic, clock, random } = context;
  const now = { wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() };
  return settlementOf(verdict, {
    delivery,
    startedMs,
    latencyMs,
    nowMs: now.wallMs,
    channelFailingMs: traffic.failingForMs(now.monotonicMs),
    channelRetryMs: traffic.retryAtMs(now),
    random: random(),
  });
}

/** Ends when the notifier does, but not later than at the limit. */
async function sendInTime(
  delivery: ClaimedDelivery,
  { lane, abort, context }: { lane: Lane; abort: AbortController; context: AttemptContext },
): Promise<Verdict> {
  const { clock, log } = context;
  const { promise, resolve } = Promise.withResolvers<Verdict>();
  const timer = clock.after(attemptMaxMs, () => {
    resolve({
      kind: 'retryable',
      reason: 'timeout',
      detail: `the attempt did not end within ${attemptMaxMs / 1_000} s`,
    });
    abort.abort();
  });
  try {
    return await Promise.race([promise, send(delivery, { lane, signal: abort.signal, log })]);
  } finally {
    timer.cancel();
  }
}

async function send(
  { id, channel, notices, attempts, endedDigests }: ClaimedDelivery,
  { lane, signal, log }: { lane: Lane; signal: AbortSignal; log: OutboxLog },
): Promise<Verdict> {
  try {
    return await lane.notifier.send({ id, notices, attempt: attempts + 1, endedDigests }, signal);
  } catch (error) {
    log.notifierThrew(channel, error);
    return { kind: 'retryable', reason: 'internal', detail: 'the notifier failed' };
  }
}
