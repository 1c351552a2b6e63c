import t, { type Test } from 'tap';
import type { NewDelivery } from '../../server/outbox/delivery-queue.ts';
import { SqliteStore } from '../../server/store/sqlite/sqlite-store.ts';
import { StoreError } from '../../server/store/store.ts';
import { minuteMs, tenMs } from '../engine/cast.ts';
import { buried, retry, sent } from '../support/settlements.ts';
import { deliveryDigestContract } from './delivery-digest-contract.ts';
import { deliveryQueueContract } from './delivery-queue-contract.ts';
import { change, create, delivery, fresh } from './store-contract.ts';

const makeQueue = (t: Test) => {
  const store = new SqliteStore(t.testdir());
  t.teardown(() => store.close());
  const { deliveries } = store;
  const add = (monitorId: number, delivery: NewDelivery) => {
    deliveries.add(monitorId, delivery);
    deliveries.follow();
  };
  return { queue: deliveries, add };
};

deliveryQueueContract(t, makeQueue);
deliveryDigestContract(t, makeQueue);

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
    await queue.settle([retry(seq, tenMs + 5_000, 'refused')]);
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
      await queue.settle([kind === 'sent' ? sent(seq) : buried(seq, nowMs)]);
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
    t.equal(claimed!.notices[0].atMs, tenMs, 'what the notice says is not rewritten');
  });
});

t.test('a commit that fails leaves nothing in the queue', async (t) => {
  const store = new SqliteStore(t.testdir());
  t.teardown(() => store.close());
  const [a, b] = await create(store, fresh({ name: 'a' }), fresh({ name: 'b' }));
  const open = {
    id: 'i-1',
    startedMs: 1,
    reason: 'missed' as const,
    message: '',
    exitCode: null,
    endedMs: null,
    heldBy: '',
  };
  const [, { version }] = (await store.commit([
    change(a!, { incidents: [open] }),
    change(b!, { deliveries: [delivery('kept')] }),
  ])) as [unknown, { version: number }];
  const reloadedA = (await store.load([{ name: 'a' }]))[0]!.monitor!;
  const failing = [
    { ...change({ ...b!, version }), remove: true },
    change(reloadedA, { deliveries: [delivery('d-1')], incidents: [{ ...open, id: 'i-2' }] }),
  ];
  await t.rejects(store.commit(failing), StoreError);
  t.match(await store.deliveries.stats(), { pending: 1 });
  const claimed = await store.deliveries.claim({ nowMs: tenMs, limit: 9, leaseMs: 1 });
  t.same(
    claimed.map(({ id }) => id),
    ['kept'],
    'what waited for the monitor that was not removed after all',
  );
});

t.test('after a restart the queue goes on where it was, without its leases', async (t) => {
  const directory = t.testdir();
  let store = new SqliteStore(directory);
  t.teardown(() => store.close());
  const monitors = await create(store, ...['a', 'b', 'c'].map((name) => fresh({ name })));
  await store.commit(
    monitors.map((monitor) => change(monitor, { deliveries: ['1', '2'].map((n) => delivery(`${monitor.name}${n}`)) })),
  );
  const claim = async (nowMs: number) => {
    const claimed = await store.deliveries.claim({ nowMs, limit: 9, leaseMs: minuteMs });
    return claimed.map(({ id, attempts, seq }) => ({ id, attempts, seq }));
  };
  const [a1, b1] = await claim(tenMs);
  await store.deliveries.settle([retry(a1!.seq, tenMs + 5_000, 'refused'), buried(b1!.seq, tenMs, 'gone')]);
  await store.close();
  store = new SqliteStore(directory);
  t.match(await store.deliveries.stats(), { pending: 5, failing: 1, lastError: 'refused', buried: 1 });
  t.equal(await store.deliveries.nextClaimMs(), tenMs);
  t.match(await claim(tenMs), [
    { id: 'b2', attempts: 0 },
    { id: 'c1', attempts: 0 },
  ]);
  t.match(await claim(tenMs + 5_000), [{ id: 'a1', attempts: 1 }]);
});
