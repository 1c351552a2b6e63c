import type { Test } from 'tap';
import type { Notice } from '../../server/engine/domain/notice.ts';
import type { DeliveryLog } from '../../server/outbox/delivery-log.ts';
import type { DeliveryQueue, NewDelivery } from '../../server/outbox/delivery-queue.ts';
import { buried, retry, sent } from '../support/settlements.ts';
import { delivery } from './store-contract.ts';

export type LogUnderTest = {
  queue: DeliveryQueue & DeliveryLog;
  /** Commits a delivery of a monitor, made at `createdMs`, which is also its notice's `atMs`. */
  add(monitorId: number, delivery: NewDelivery, createdMs: number): void | Promise<void>;
};

const startMs = Date.UTC(2026, 2, 14, 10);
const leaseMs = 60_000;

/** What every queue promises of digests, of what is over before it was told, and of what people see of it. */
export function deliveryDigestContract(t: Test, makeQueue: (t: Test) => LogUnderTest | Promise<LogUnderTest>): void {
  const setUp = async (t: Test) => {
    const { queue, add } = await makeQueue(t);
    const claim = (nowMs = startMs) => queue.claim({ nowMs, limit: 100, leaseMs });
    return {
      queue,
      claim,
      claimIds: async (nowMs?: number) => (await claim(nowMs)).map(({ id }) => id),
      /** A notice of incident i-N of the monitor N. */
      add: (monitorId: number, id: string, fields: Partial<Notice> & { onlyIfIdle?: boolean } = {}) =>
        add(monitorId, delivery(id, { incidentId: `i-${monitorId}`, atMs: startMs, message: id, ...fields }), startMs),
      form: (id: string, { onlyDowns = false, keepMembers = false } = {}) =>
        queue.formDigest({ channel: 'default', id, nowMs: startMs, onlyDowns, keepMembers }),
      told: (notices: readonly Notice[]) => notices.map(({ message }) => message),
    };
  };

  t.test('what is fresh is counted', async (t) => {
    const { queue, add, claim } = await setUp(t);
    t.same(await queue.waiting(startMs), []);
    await add(1, 'd1', { atMs: startMs });
    await add(1, 'behind d1');
    await add(2, 'u2', { type: 'up' });
    t.same(await queue.waiting(startMs), [
      { channel: 'default', fresh: 2, downs: 1, oldestMs: startMs, newestMs: startMs },
    ]);
    const [first] = await queue.claim({ nowMs: startMs, limit: 1, leaseMs });
    t.match(await queue.waiting(startMs), [{ fresh: 1, downs: 0 }]);
    await queue.settle([sent(first!.seq)]);
    t.match(await queue.waiting(startMs), [{ fresh: 2, downs: 1 }], 'what was behind it has its turn');
    await claim();
    await queue.releaseLeases();
    t.same(await queue.waiting(startMs), [], 'what was handed out may have been attempted');
  });

  t.test('a digest: what is fresh goes as one, in order', async (t) => {
    const { queue, add, claim, claimIds, form, told } = await setUp(t);
    await add(9, 'under way');
    const [underWay] = await claim();
    for (const n of [1, 2, 3]) await add(n, `down ${n}`);
    await add(2, 'again 2', { incidentId: 'i-2b' });
    t.equal(await form('digest'), 4);
    t.equal(await form('another'), 0, 'nothing is left');
    t.match(await queue.stats(), { pending: 2, oldestCreatedMs: startMs });
    await add(2, 'later 2', { incidentId: 'i-2c' });
    const [digest, ...more] = await claim();
    t.same(more, []);
    t.match(digest, { id: 'digest', monitorId: 0, channel: 'default', attempts: 0 });
    t.same(told(digest!.notices), ['down 1', 'down 2', 'down 3', 'again 2']);
    await queue.settle([retry(digest!.seq, startMs + 5)]);
    t.same(await claimIds(startMs + 4), [], 'what comes later of a member waits for the digest');
    const [again] = await claim(startMs + 5);
    t.match(again, { id: 'digest', attempts: 1 });
    t.same(told(again!.notices), told(digest!.notices));
    await queue.settle([sent(again!.seq), sent(underWay!.seq)]);
    t.same(await claimIds(startMs + 5), ['later 2']);
  });

  t.test('one alone is no digest', async (t) => {
    const { add, claimIds, form } = await setUp(t);
    await add(1, 'lonely');
    t.equal(await form('digest'), 0);
    t.same(await claimIds(), ['lonely']);
  });

  t.test('only downs, if that is wanted: nothing overtakes what is before it', async (t) => {
    const { queue, add, claim, form, told } = await setUp(t);
    await add(1, 'down 1');
    await add(2, 'flapping 2', { type: 'flapping' });
    await add(3, 'up 3', { type: 'up' });
    await add(3, 'down 3', { incidentId: 'i-3b' });
    await add(4, 'up 4', { type: 'up' });
    t.equal(await form('digest', { onlyDowns: true }), 2);
    const claimed = await claim();
    const ids = claimed.map(({ id }) => id);
    t.same(ids.sort(), ['digest', 'up 3', 'up 4']);
    t.same(told(claimed.find(({ id }) => id === 'digest')!.notices), ['down 1', 'flapping 2']);
    t.equal((await queue.stats()).pending, 4);
  });

  t.test('the recoveries of what a digest told of end it', async (t) => {
    const { queue, add, claim, form } = await setUp(t);
    for (const n of [1, 2, 3]) await add(n, `down ${n}`);
    await form('digest', { onlyDowns: true, keepMembers: true });
    const [digest] = await claim();
    await queue.settle([sent(digest!.seq)]);
    await add(1, 'up 1', { type: 'up' });
    await add(7, 'up 7', { type: 'up' });
    const [up1, up7] = await claim();
    t.match(up1, { id: 'up 1', toldInDigest: true, endedDigests: [] });
    t.match(up7, { id: 'up 7', toldInDigest: false, endedDigests: [] });
    await add(2, 'still 2', { repeat: 1 });
    t.match(await claim(), [{ id: 'still 2', toldInDigest: true, endedDigests: [] }]);
    await add(3, 'closed 3', { type: 'closed' });
    const [closed3] = await claim();
    t.match(closed3, { toldInDigest: true, endedDigests: [] });
    await queue.settle([sent(up1!.seq), sent(closed3!.seq)]);
    await queue.releaseLeases();
    const [still2] = (await claim()).filter(({ id }) => id === 'still 2');
    await queue.settle([{ ...sent(still2!.seq), attempt: null }]);
    await add(2, 'up 2', { type: 'up' });
    const [last] = await claim();
    t.match(last, { id: 'up 2', toldInDigest: true, endedDigests: ['digest'] });
    await queue.settle([retry(last!.seq, startMs)]);
    t.match(await claim(), [{ id: 'up 2', endedDigests: ['digest'] }], 'until it was told');
    await queue.settle([sent(last!.seq)]);
    await add(2, 'up 2 once more', { type: 'up' });
    t.match(await claim(), [{ toldInDigest: false, endedDigests: [] }]);
  });

  t.test('a digest that was given up told nobody; nor does a recovery that was', async (t) => {
    const { queue, add, claim, form } = await setUp(t);
    for (const n of [1, 2]) await add(n, `down ${n}`);
    await form('given up', { onlyDowns: true, keepMembers: true });
    const [digest] = await claim();
    await queue.settle([buried(digest!.seq, startMs)]);
    await add(1, 'still 1', { repeat: 1 });
    await add(2, 'up 2', { type: 'up' });
    const singles = await claim();
    t.match(singles, [
      { id: 'still 1', toldInDigest: false },
      { id: 'up 2', toldInDigest: false, endedDigests: [] },
    ]);
    await queue.settle(singles.map(({ seq }) => sent(seq)));

    for (const n of [3, 4]) await add(n, `down ${n}`);
    await form('sent', { onlyDowns: true, keepMembers: true });
    const [other] = await claim();
    await queue.settle([sent(other!.seq)]);
    for (const n of [3, 4]) await add(n, `up ${n}`, { type: 'up' });
    const [up3, up4] = await claim();
    await queue.settle([sent(up3!.seq), buried(up4!.seq, startMs)]);
    t.equal(await queue.redeliver('up 4', startMs), 'done');
    t.match(await claim(), [{ id: 'up 4', toldInDigest: true, endedDigests: ['sent'] }]);
  });

  t.test('what was told by itself as well ends by itself as well', async (t) => {
    const { queue, add, claim, form } = await setUp(t);
    for (const n of [1, 2]) await add(n, `down ${n}`);
    await form('digest', { onlyDowns: true, keepMembers: true });
    const [digest] = await claim();
    await queue.settle([sent(digest!.seq)]);
    await add(1, 'still 1', { repeat: 1 });
    const [still1] = await claim();
    await queue.settle([{ ...sent(still1!.seq), attempt: null }]);
    await add(1, 'flapping 1', { type: 'flapping' });
    const [flapping1] = await claim();
    t.match(flapping1, { toldInDigest: true });
    await queue.settle([sent(flapping1!.seq)]);
    await add(1, 'up 1', { type: 'up' });
    await add(2, 'up 2', { type: 'up' });
    t.match(await claim(), [
      { id: 'up 1', toldInDigest: false, endedDigests: [] },
      { id: 'up 2', toldInDigest: true, endedDigests: ['digest'] },
    ]);
  });

  t.test('what is over before it was told', async (t) => {
    await t.test('is one merged notice', async (t) => {
      const { queue, add, claim } = await setUp(t);
      await add(1, 'failed', { dueMs: 5, deadlineMs: 6 });
      await add(1, 'still', { repeat: 1 });
      await add(1, 'up', { type: 'up', message: '' });
      const [claimed, ...more] = await claim();
      t.same(more, []);
      t.match(claimed!.notices, [{ type: 'up', merged: true, message: 'failed', dueMs: 5, deadlineMs: 6 }]);
      t.equal(claimed!.id, 'up');
      t.equal((await queue.stats()).pending, 1);
    });
    await t.test('or none at all, when it was closed', async (t) => {
      const { queue, add } = await setUp(t);
      await add(1, 'down', { type: 'flapping' });
      await add(1, 'closed', { type: 'closed' });
      t.equal((await queue.stats()).pending, 0);
    });
    await t.test('not once an attempt was made, nor of another incident, nor what a digest has', async (t) => {
      const { queue, add, claimIds, form } = await setUp(t);
      await add(1, 'down 1');
      t.same(await claimIds(), ['down 1']);
      await add(1, 'up 1', { type: 'up' });
      await add(2, 'down 2');
      await add(2, 'closed 2', { type: 'closed', incidentId: 'other' });
      await add(3, 'down 3');
      t.equal(await form('digest', { onlyDowns: true }), 2);
      await add(3, 'up 3', { type: 'up' });
      t.equal((await queue.stats()).pending, 5);
    });
    await t.test('a reminder that waits goes, and the recovery is told', async (t) => {
      const { add, claim } = await setUp(t);
      await add(1, 'still', { repeat: 1 });
      await add(1, 'up', { type: 'up' });
      t.match(await claim(), [{ id: 'up', notices: [{ merged: false }] }]);
    });
  });

  t.test('people see what became of each, with its attempts', async (t) => {
    const { queue, add, claim, form } = await setUp(t);
    await add(1, 'a');
    const [a] = await claim();
    await queue.settle([retry(a!.seq, startMs + 1, 'refused')]);
    await claim(startMs + 1);
    await queue.settle([sent(a!.seq, startMs + 2)]);
    t.match(await queue.get('a'), {
      state: 'sent',
      settledMs: startMs + 2,
      nextAttemptMs: null,
      noticeCount: 1,
      attemptCount: 2,
      attempts: [
        { number: 1, outcome: 'retryable', reason: 'http_status', detail: 'refused', httpStatus: 500 },
        { number: 2, outcome: 'ok', reason: '', httpStatus: 200, answer: 'fine' },
      ],
    });
    await add(2, 'b');
    const [b] = await claim(startMs + 2);
    await queue.settle([buried(b!.seq, startMs + 3, 'gone')]);
    for (let n = 10; n < 170; n++) await add(n, `m-${n}`);
    await form('digest');
    await add(3, 'waits');
    const all = await queue.list({ channel: null, states: [], beforeSeq: null, limit: 10 });
    t.match(all, [
      { id: 'waits', state: 'pending', nextAttemptMs: startMs },
      { id: 'digest', state: 'pending', noticeCount: 160, notices: { length: 100 } },
      { id: 'b', state: 'buried', attempts: [{ outcome: 'permanent' }] },
      { id: 'a', state: 'sent' },
    ]);
    const page = await queue.list({ channel: 'default', states: ['sent', 'buried'], beforeSeq: all[1]!.seq, limit: 1 });
    t.match(page, [{ id: 'b' }]);
    t.same(await queue.list({ channel: 'other', states: [], beforeSeq: null, limit: 10 }), []);
    t.equal(await queue.get('m-10'), undefined, 'it is in the digest only');
    t.equal(await queue.get('nobody'), undefined);
    const [digest] = await queue.claim({ nowMs: startMs, limit: 1, leaseMs });
    await queue.settle([sent(digest!.seq, startMs)]);
    t.match(await queue.get('digest'), { state: 'sent', noticeCount: 160, notices: { length: 100 } });
  });

  t.test('no more than 50 attempts are kept', async (t) => {
    const { queue, add, claim } = await setUp(t);
    await add(1, 'a');
    for (let n = 0; n < 60; n++) {
      const [a] = await claim();
      await queue.settle([retry(a!.seq, startMs, `no ${n}`)]);
    }
    const { attempts, attemptCount } = (await queue.get('a'))!;
    t.equal(attemptCount, 60);
    t.same([attempts.length, attempts[0]!.number, attempts.at(-1)!.detail], [50, 11, 'no 59']);
  });

  t.test('what was given up can be delivered again', async (t) => {
    const { queue, add, claim, form, told } = await setUp(t);
    for (const n of [1, 2]) await add(n, `down ${n}`);
    await form('digest');
    await add(3, 'single');
    const [digest, single] = await claim();
    t.equal(await queue.redeliver('single', startMs), 'not_buried');
    t.equal(await queue.redeliver('nobody', startMs), undefined);
    await queue.settle([buried(digest!.seq, startMs), buried(single!.seq, startMs)]);
    t.match(await queue.stats(), { pending: 0, buried: 2 });
    t.equal(await queue.redeliver('digest', startMs + 9), 'done');
    t.equal(await queue.redeliver('single', startMs + 9), 'done');
    t.match(await queue.stats(), { pending: 2, failing: 2, buried: 0, oldestCreatedMs: startMs + 9 });
    const again = await claim(startMs + 9);
    t.match(again, [
      { id: 'digest', attempts: 1, createdMs: startMs + 9 },
      { id: 'single', attempts: 1 },
    ]);
    t.same(told(again[0]!.notices), ['down 1', 'down 2']);
    await queue.settle(again.map(({ seq }) => sent(seq)));
    t.equal(await queue.redeliver('single', startMs), 'not_buried');
    t.match(await queue.get('single'), { state: 'sent', attemptCount: 2 });
  });

  t.test('stats of each channel', async (t) => {
    const { queue, add, claim } = await setUp(t);
    await add(1, 'a');
    const [a] = await claim();
    await queue.settle([retry(a!.seq, startMs + 1, 'refused')]);
    await add(2, 'b');
    const its = { pending: 2, oldestCreatedMs: startMs, failing: 1, lastError: 'refused' };
    t.same((await queue.stats()).channels, new Map([['default', its]]));
  });
}
