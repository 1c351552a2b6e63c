import t, { type Test } from 'tap';
import { SqliteStore } from '../../server/store/sqlite/sqlite-store.ts';
import { minuteMs, tenMs } from '../engine/cast.ts';
import { deliveryQueueContract } from './delivery-queue-contract.ts';
import { change, create, delivery, fresh } from './store-contract.ts';

deliveryQueueContract(t, (t) => {
  const store = new SqliteStore(t.testdir());
  t.teardown(() => store.close());
  return { queue: store.deliveries, add: (monitorId, delivery) => store.deliveries.add(monitorId, delivery) };
});

async function storeWith(t: Test, ids: string[]) {
  const store = new SqliteStore(t.testdir());
  t.teardown(() => store.close());
  const [monitor] = await create(store, fresh({ name: 'm' }));
  await store.commit([change(monitor!, { deliveries: ids.map((id) => delivery(id)) })]);
  const claim = async (nowMs: number) => {
    const claimed = await store.deliveries.claim({ nowMs, limit: 10, leaseMs: minuteMs });
    return claimed.map(({ id, seq }) => ({ id, seq }));
  };
  return { queue: store.deliveries, claim };
}

t.test('when the clock is set back, what was due soon stays due soon', async (t) => {
  const backMs = -60 * minuteMs;

  await t.test('an attempt that waits for its turn', async (t) => {
    const { queue, claim } = await storeWith(t, ['d-1']);
    const { seq } = (await claim(tenMs))[0]!;
    await queue.settle([{ seq, kind: 'retry', nextAttemptMs: tenMs + 5_000, error: 'refused' }]);
    await queue.shiftClaims(backMs);
    t.equal(await queue.nextClaimMs(), tenMs + 5_000 + backMs);
    t.same(await claim(tenMs + 4_999 + backMs), []);
    t.match(await claim(tenMs + 5_000 + backMs), [{ id: 'd-1' }]);
  });

  await t.test('a lease', async (t) => {
    const { queue, claim } = await storeWith(t, ['d-1']);
    await claim(tenMs);
    await queue.shiftClaims(backMs);
    t.same(await claim(tenMs + minuteMs - 1 + backMs), [], 'is neither lost');
    t.match(await claim(tenMs + minuteMs + backMs), [{ id: 'd-1' }], 'nor prolonged');
  });

  for (const kind of ['sent', 'buried'] as const) {
    await t.test(`the one behind it, once it is ${kind}`, async (t) => {
      const { queue, claim } = await storeWith(t, ['d-1', 'd-2']);
      const { seq } = (await claim(tenMs))[0]!;
      await queue.shiftClaims(backMs);
      const nowMs = tenMs + backMs + 1_000;
      await queue.settle([{ seq, kind, atMs: nowMs, error: '' }]);
      t.match(await claim(nowMs), [{ id: 'd-2' }]);
    });
  }

  await t.test('a lease given up after a restart', async (t) => {
    const { queue, claim } = await storeWith(t, ['d-1']);
    await claim(tenMs);
    await queue.shiftClaims(backMs);
    await queue.releaseLeases();
    t.match(await claim(tenMs + backMs), [{ id: 'd-1' }]);
  });

  await t.test('its age stays what it was', async (t) => {
    const { queue } = await storeWith(t, ['d-1']);
    await queue.shiftClaims(backMs);
    const [claimed] = await queue.claim({ nowMs: tenMs, limit: 1, leaseMs: 1 });
    t.equal(claimed!.createdMs, tenMs + backMs);
    t.equal((await queue.stats()).oldestCreatedMs, tenMs + backMs);
    t.equal(claimed!.notice.atMs, tenMs, 'what the notice says is not rewritten');
  });
});
