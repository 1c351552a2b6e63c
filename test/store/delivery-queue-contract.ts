import type { Test } from 'tap';
import { type Notice, noticeDefaults } from '../../server/engine/domain/notice.ts';
import type { DeliveryQueue, NewDelivery } from '../../server/outbox/delivery-queue.ts';
import { buried, retry, sent } from '../support/settlements.ts';

export type QueueUnderTest = {
  queue: DeliveryQueue;
  /** Commits a delivery of a monitor; it was made at `createdMs`, which is also its notice's `atMs`. */
  add(monitorId: number, delivery: NewDelivery, createdMs: number): void | Promise<void>;
};

const startMs = Date.UTC(2026, 2, 14, 10);
const leaseMs = 60_000;

/** What every queue of deliveries promises. `makeQueue` makes an empty one; its teardown is its own business. */
export function deliveryQueueContract(t: Test, makeQueue: (t: Test) => QueueUnderTest | Promise<QueueUnderTest>): void {
  const setUp = async (t: Test) => {
    const { queue, add } = await makeQueue(t);
    const claim = (nowMs: number, limit = 100) => queue.claim({ nowMs, limit, leaseMs });
    return {
      queue,
      claim,
      claimIds: async (nowMs: number, limit?: number) => (await claim(nowMs, limit)).map(({ id }) => id),
      /** One that is due, claimed: its seq. */
      claimOne: async (nowMs: number) => {
        const [first] = await claim(nowMs, 1);
        if (!first) throw new Error('nothing to claim');
        return first.seq;
      },
      add: (monitorId: number, id: string, options: { channel?: string; atMs?: number; onlyIfIdle?: boolean } = {}) => {
        const { channel = 'default', atMs = startMs, onlyIfIdle = false } = options;
        return add(monitorId, { id, channel, notice: noticeOf(atMs), onlyIfIdle }, atMs);
      },
    };
  };

  t.test('an empty queue', async (t) => {
    const { queue, claimIds } = await setUp(t);
    t.same(await claimIds(startMs), []);
    t.equal(await queue.nextClaimMs(), null);
    t.match(await queue.stats(), { pending: 0, oldestCreatedMs: null, failing: 0, lastError: '', buried: 0 });
    await queue.settle([]);
    await queue.settle([sent(4711), retry(4712, startMs, 'x'), buried(4713, startMs, 'x')]);
    await queue.releaseLeases();
    t.equal((await queue.stats()).pending, 0, 'an unknown seq is ignored');
  });

  t.test('hands out what was put in, the oldest first', async (t) => {
    const { queue, add, claim } = await setUp(t);
    for (let n = 1; n <= 5; n++) await add(n, `d-${n}`, { atMs: startMs + n });
    t.equal(await queue.nextClaimMs(), startMs + 1);
    t.same(await claim(startMs), [], 'not before it was made');
    const first = await claim(startMs + 100, 3);
    t.same(
      first.map(({ id, monitorId, channel, createdMs, attempts }) => ({ id, monitorId, channel, createdMs, attempts })),
      [1, 2, 3].map((n) => ({ id: `d-${n}`, monitorId: n, channel: 'default', createdMs: startMs + n, attempts: 0 })),
    );
    t.same(first[0]!.notices, [noticeOf(startMs + 1)], 'with every field of the notice');
    t.ok(first[0]!.seq < first[1]!.seq && first[1]!.seq < first[2]!.seq, 'seq grows');
    const rest = await claim(startMs + 100);
    t.same(
      rest.map(({ id }) => id),
      ['d-4', 'd-5'],
      'and those that are leased not again',
    );
  });

  t.test('one at a time for each monitor and channel, in order', async (t) => {
    const { queue, add, claim, claimIds } = await setUp(t);
    for (const id of ['down', 'up', 'down again']) await add(1, id);
    await add(2, 'other monitor');
    await add(1, 'other channel', { channel: 'mail' });
    const claimed = await claim(startMs);
    t.same(
      claimed.map(({ id }) => id),
      ['down', 'other monitor', 'other channel'],
    );
    await queue.settle([sent(claimed[1]!.seq), sent(claimed[2]!.seq)]);
    t.same(await claimIds(startMs), [], 'the first is still under way');
    await queue.settle([retry(claimed[0]!.seq, startMs + 5_000, 'refused')]);
    t.same(await claimIds(startMs + 4_999), [], 'the first waits, and so do those behind it');
    const again = await claim(startMs + 5_000);
    t.match(again, [{ id: 'down', attempts: 1 }], 'handed out again when its time has come');
    await queue.settle([sent(again[0]!.seq)]);
    const second = await claim(startMs + 5_000);
    t.match(second, [{ id: 'up', attempts: 0 }]);
    await queue.settle([sent(second[0]!.seq)]);
    t.same(await claimIds(startMs + 5_000), ['down again']);
  });

  t.test('what waits of a monitor for a channel is pending until it is settled', async (t) => {
    const { queue, add, claim } = await setUp(t);
    t.notOk(queue.isPending(1, 'default'));
    await add(1, 'down');
    await add(2, 'other', { channel: 'mail' });
    const pending = () => [queue.isPending(1, 'default'), queue.isPending(1, 'mail'), queue.isPending(2, 'mail')];
    t.same(pending(), [true, false, true]);
    const [down, other] = await claim(startMs);
    t.same(pending(), [true, false, true], 'under way');
    await queue.settle([retry(down!.seq, startMs + 5_000, 'refused'), buried(other!.seq, startMs, 'refused')]);
    t.same(pending(), [true, false, false], 'an attempt failed; given up');
    const [again] = await claim(startMs + 5_000);
    await queue.settle([sent(again!.seq)]);
    t.same(pending(), [false, false, false], 'sent');
  });

  t.test('a claim takes no more of a channel than it may', async (t) => {
    const { queue, add } = await setUp(t);
    for (let n = 1; n <= 5; n++) await add(n, `busy-${n}`, { channel: 'busy', atMs: startMs });
    for (let n = 1; n <= 5; n++) await add(n, `free-${n}`, { channel: 'free', atMs: startMs + 10 });
    const claimIds = async (limit: number, limits: Record<string, number>) => {
      const channelLimit = (channel: string): number => limits[channel]!;
      const claimed = await queue.claim({ nowMs: startMs + 20, limit, channelLimit, leaseMs });
      return claimed.map(({ id }) => id);
    };
    t.same(await claimIds(100, { busy: 2, free: 1 }), ['busy-1', 'busy-2', 'free-1']);
    t.same(await claimIds(100, { busy: 0, free: 2 }), ['free-2', 'free-3'], 'what is passed over holds up nobody');
    t.same(await claimIds(2, { busy: 9, free: 9 }), ['busy-3', 'busy-4'], 'the oldest of all first');
    t.same(await claimIds(100, { busy: 9, free: 9 }), ['busy-5', 'free-4', 'free-5']);
  });

  t.test('nextClaimMs can be asked for some channels only', async (t) => {
    const { queue, add } = await setUp(t);
    await add(1, 'a', { channel: 'busy', atMs: startMs });
    await add(1, 'b', { channel: 'free', atMs: startMs + 1_000 });
    t.equal(await queue.nextClaimMs(), startMs);
    t.equal(await queue.nextClaimMs((channel) => channel === 'free'), startMs + 1_000);
    t.equal(await queue.nextClaimMs(() => false), null);
  });

  t.test('a lease ends by itself', async (t) => {
    const { queue, add, claimIds } = await setUp(t);
    await add(1, 'a');
    await add(1, 'behind a');
    t.same(await claimIds(startMs + 7), ['a']);
    t.equal(await queue.nextClaimMs(), startMs + 7 + leaseMs);
    t.same(await claimIds(startMs + 7 + leaseMs - 1), []);
    t.same(await claimIds(startMs + 7 + leaseMs), ['a']);
  });

  t.test('leases can be given up all at once', async (t) => {
    const { queue, add, claim, claimIds, claimOne } = await setUp(t);
    await add(1, 'waiting');
    const seq = await claimOne(startMs);
    await queue.settle([retry(seq, startMs + 30_000, 'refused')]);
    await add(2, 'leased');
    await add(3, 'leased too');
    t.same(await claimIds(startMs), ['leased', 'leased too']);
    await queue.releaseLeases();
    t.match(
      await claim(startMs),
      [
        { id: 'leased', attempts: 0 },
        { id: 'leased too', attempts: 0 },
      ],
      'claimable at once; being interrupted is no failed attempt',
    );
    t.same(await claimIds(startMs + 30_000), ['waiting'], 'whoever waits for another attempt goes on waiting');
  });

  t.test('what is buried neither comes back nor blocks the next', async (t) => {
    const { queue, add, claimIds, claimOne } = await setUp(t);
    await add(1, 'a');
    await add(1, 'b');
    const seq = await claimOne(startMs);
    await queue.settle([buried(seq, startMs + 1, 'gone')]);
    t.match(await queue.stats(), { pending: 1, failing: 0, lastError: '', buried: 1 });
    t.same(await claimIds(startMs + 1), ['b']);
    await queue.settle([retry(seq, startMs, 'x')]);
    await queue.settle([sent(seq)]);
    await queue.releaseLeases();
    t.same(await claimIds(startMs + 10 * leaseMs), ['b'], 'settling it again changes nothing');
    t.match(await queue.stats(), { pending: 1, failing: 0, buried: 1 });
  });

  t.test('nextClaimMs is the earliest of all queues', async (t) => {
    const { queue, add, claim } = await setUp(t);
    await add(1, 'a', { atMs: startMs });
    await add(2, 'b', { atMs: startMs });
    await add(3, 'c', { atMs: startMs });
    const [a, b, c] = await claim(startMs);
    await queue.settle([retry(a!.seq, startMs + 20_000, 'x'), retry(b!.seq, startMs + 10_000, 'x')]);
    t.equal(await queue.nextClaimMs(), startMs + 10_000);
    await add(4, 'd', { atMs: startMs + 5_000 });
    t.equal(await queue.nextClaimMs(), startMs + 5_000);
    await queue.settle([sent(c!.seq)]);
    const [d] = await claim(startMs + 6_000);
    t.equal(d!.id, 'd');
    await queue.settle([sent(d!.seq)]);
    t.equal(await queue.nextClaimMs(), startMs + 10_000);
  });

  t.test('stats tell how far behind it is', async (t) => {
    const { queue, add, claim, claimOne } = await setUp(t);
    await add(1, 'a', { atMs: startMs });
    await add(1, 'behind a', { atMs: startMs + 1_000 });
    await add(2, 'b', { atMs: startMs + 2_000 });
    t.match(await queue.stats(), { pending: 3, oldestCreatedMs: startMs, failing: 0, lastError: '', buried: 0 });
    const [a, b] = await claim(startMs + 2_000);
    await queue.settle([retry(a!.seq, startMs + 4_000, 'first')]);
    await queue.settle([retry(b!.seq, startMs + 6_000, 'second')]);
    t.match(await queue.stats(), { pending: 3, oldestCreatedMs: startMs, failing: 2, lastError: 'second' });
    await queue.settle([sent(await claimOne(startMs + 4_000))]);
    t.match(await queue.stats(), { pending: 2, oldestCreatedMs: startMs + 1_000, failing: 1, lastError: 'second' });
    await queue.settle([sent(await claimOne(startMs + 5_000))]);
    await queue.settle([sent(await claimOne(startMs + 6_000))]);
    t.match(await queue.stats(), { pending: 0, oldestCreatedMs: null, failing: 0, lastError: '', buried: 0 });
  });

  t.test('onlyIfIdle: not while another of its queue is pending', async (t) => {
    const { queue, add, claimIds, claimOne } = await setUp(t);
    await add(1, 'first', { onlyIfIdle: true });
    await add(1, 'skipped: one waits', { onlyIfIdle: true });
    await add(1, 'other channel', { channel: 'mail', onlyIfIdle: true });
    const seq = await claimOne(startMs);
    await add(1, 'skipped: one is under way', { onlyIfIdle: true });
    await queue.settle([retry(seq, startMs + 1, 'x')]);
    await add(1, 'skipped: one waits for another attempt', { onlyIfIdle: true });
    t.equal((await queue.stats()).pending, 2);
    t.same((await claimIds(startMs + 1)).sort(), ['first', 'other channel']);
    await queue.settle([buried(seq, startMs, 'x')]);
    await add(1, 'after a burial', { onlyIfIdle: true });
    t.same(await claimIds(startMs + 2), ['after a burial']);
  });

  t.test('shiftClaims moves every waiting time', async (t) => {
    const { queue, add, claim, claimIds } = await setUp(t);
    const backMs = -3_600_000;
    for (const id of ['waits', 'leased']) await add(id.length, id);
    const [waits] = await claim(startMs);
    await queue.settle([retry(waits!.seq, startMs + 5_000, 'x')]);
    await add(99, 'new');
    await queue.shiftClaims(backMs);
    t.same(await claimIds(startMs + backMs), ['new']);
    t.same(await claimIds(startMs + backMs + 4_999), []);
    t.same(await claimIds(startMs + backMs + 5_000), ['waits']);
    t.same(await claimIds(startMs + backMs + leaseMs - 1), []);
    t.same((await claimIds(startMs + backMs + leaseMs)).includes('leased'), true);
  });

  t.test('what failed can be hastened: of one channel, and not what is under way', async (t) => {
    const { queue, add, claim, claimIds } = await setUp(t);
    for (const id of ['waits', 'leased']) await add(id.length, id);
    const [waits] = await claim(startMs);
    await queue.settle([retry(waits!.seq, startMs + 500_000, 'x')]);
    await queue.hasten('another', startMs + 1);
    t.same(await claimIds(startMs + 1), []);
    await queue.hasten(waits!.channel, startMs + 1);
    t.same(await claimIds(startMs + 1), ['waits']);
  });

  t.test('long queues, drained in order', async (t) => {
    const { queue, add, claim } = await setUp(t);
    const handedOut = new Map<number, string[]>();
    for (let n = 0; n < 300; n++) await add(1 + (n % 7), `${1 + (n % 7)}-${n}`);
    for (let round = 0; round < 1_000; round++) {
      const claimed = await claim(startMs, 5);
      if (claimed.length === 0) break;
      if (new Set(claimed.map(({ monitorId }) => monitorId)).size !== claimed.length) t.fail('two of one monitor');
      for (const { monitorId, id } of claimed) handedOut.set(monitorId, [...(handedOut.get(monitorId) ?? []), id]);
      await queue.settle(claimed.map(({ seq }) => sent(seq)));
    }
    t.equal((await queue.stats()).pending, 0);
    for (const [monitorId, ids] of handedOut) {
      const expected = Array.from({ length: 300 }, (_, n) => n).filter((n) => 1 + (n % 7) === monitorId);
      t.same(
        ids,
        expected.map((n) => `${monitorId}-${n}`),
      );
    }
  });
}

function noticeOf(atMs: number): Notice {
  return {
    type: 'down',
    atMs,
    name: 'a/b "ü" \u{1f514}',
    reason: 'failed',
    incidentId: 'i-1',
    downSinceMs: atMs - 1,
    recoveredMs: null,
    merged: false,
    repeat: 2,
    lastBeatMs: null,
    dueMs: 3,
    deadlineMs: 4,
    frequencyMs: 60_000,
    graceMs: 0,
    message: 'line\nbreak',
    exitCode: -1,
    blind: { fromMs: 5, toMs: 6 },
    ...noticeDefaults,
  };
}
