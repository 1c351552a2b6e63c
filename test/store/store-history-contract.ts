import type { Test } from 'tap';
import { StoreError } from '../../server/store/store.ts';
import { tenMs } from '../engine/cast.ts';
import { buried } from '../support/settlements.ts';
import { beatRecord, change, create, delivery, fresh, reload, type StoreContractOptions } from './store-contract.ts';

/** The part of the store contract about beats, incidents, blind time and their bounds. */
export function storeHistoryContract(t: Test, { name, open }: StoreContractOptions): void {
  t.test(`${name}: every field of a beat survives`, async (t) => {
    const under = await open(t);
    const [a] = await create(under.store, fresh({ name: 'a' }));
    const full = beatRecord({
      status: 'fail',
      atMs: 1,
      receivedMs: 2,
      message: 'it’s "broken"\n\u{1f525}',
      durationMs: 31_622_400_000,
      exitCode: -2_147_483_648,
      run: 'run-1',
      beatId: 'b-1',
    });
    const beats = [full, beatRecord({ status: 'log' }), beatRecord({ status: 'start' }), beatRecord()];
    await under.store.commit([change(a!, { beats })]);
    await under.reopen();
    t.same(
      (await under.history()).beats,
      beats.map((beat) => ({ ...beat, monitorId: a!.id })),
    );
  });

  t.test(`${name}: a beat id is found for its own monitor only`, async (t) => {
    const under = await open(t);
    const [a, b] = await create(under.store, fresh({ name: 'a' }), fresh({ name: 'b' }));
    const twoWithoutId = [beatRecord({ beatId: '' }), beatRecord({ beatId: '' })];
    await under.store.commit([
      change(a!, { beats: [beatRecord({ beatId: 'x', atMs: 123 }), ...twoWithoutId] }),
      change(b!, { beats: [beatRecord({ beatId: 'y', atMs: 456 })] }),
    ]);
    const keys = [
      { name: 'a', beatId: 'x' },
      { name: 'a', beatId: 'y' },
      { name: 'a', beatId: 'X' },
      { name: 'a', beatId: '' },
      { name: 'a' },
      { name: 'b', beatId: 'y' },
      { name: 'c', beatId: 'x' },
    ];
    const expected = [{ atMs: 123 }, undefined, undefined, undefined, undefined, { atMs: 456 }, undefined];
    for (const reach of [async () => under.store, () => under.reopen()]) {
      const store = await reach();
      t.same(
        (await store.load(keys)).map(({ seenBeat }) => seenBeat),
        expected,
      );
    }
    const closed = under.store;
    await under.reopen();
    await t.rejects(create(closed, fresh({ name: 'closed' })), 'a closed store writes nothing');
  });

  t.test(`${name}: an incident is opened, then closed`, async (t) => {
    const under = await open(t);
    const { store } = under;
    const [a, b] = await create(store, fresh({ name: 'a' }), fresh({ name: 'b' }));
    const first = { id: 'i-1', startedMs: 10, reason: 'missed' as const, message: '', exitCode: null };
    const second = { id: 'i-2', startedMs: 30, reason: 'failed' as const, message: '', exitCode: null };
    const both = { id: 'i-3', startedMs: 50, reason: 'missed' as const, message: '', exitCode: null };
    await store.commit([change(a!, { incidents: [{ ...first, endedMs: null, heldBy: '' }] })]);
    const close = [
      { ...first, endedMs: 20, heldBy: '' },
      { ...second, endedMs: null, heldBy: '' },
    ];
    await store.commit([change(await reload(store, 'a'), { incidents: close })]);
    const atOnce = [
      { ...both, endedMs: null, heldBy: '' },
      { ...both, endedMs: null, heldBy: 'p' },
      { ...both, endedMs: 60, heldBy: '' },
    ];
    await store.commit([change(b!, { incidents: atOnce })]);
    t.same((await under.history()).incidents, [
      { ...first, endedMs: 20, heldBy: '', monitorId: a!.id },
      { ...second, endedMs: null, heldBy: '', monitorId: a!.id },
      { ...both, endedMs: 60, heldBy: 'p', monitorId: b!.id },
    ]);
  });

  t.test(`${name}: a second open incident of one monitor fails the whole commit`, async (t) => {
    const under = await open(t);
    const { store } = under;
    const [a, b] = await create(store, fresh({ name: 'a' }), fresh({ name: 'b' }));
    const open1 = {
      id: 'i-1',
      startedMs: 10,
      reason: 'missed' as const,
      message: '',
      exitCode: null,
      endedMs: null,
      heldBy: '',
    };
    await store.commit([change(a!, { incidents: [open1] })]);
    const batch = [
      change({ ...b!, graceMs: 9 }, { beats: [beatRecord()], deliveries: [delivery('d')] }),
      change(await reload(store, 'a'), { incidents: [{ ...open1, id: 'i-2' }] }),
    ];
    await t.rejects(store.commit(batch), StoreError);
    t.equal((await reload(store, 'b')).graceMs, 0);
    t.same((await under.history()).beats, []);
    t.equal((await store.deliveries.stats()).pending, 0);
    t.equal((await under.history()).incidents.length, 1);
  });

  t.test(`${name}: deliveries of a commit`, async (t) => {
    const { store } = await open(t);
    const [a] = await create(store, fresh({ name: 'a' }));
    const blind = { fromMs: 1, toMs: 2 };
    const full = delivery('d-1', {
      name: 'ü\u{1f514}',
      message: '"x"\n',
      exitCode: 3,
      blind,
      lastBeatMs: 5,
      recoveredMs: 6,
    });
    const [committed] = await store.commit([change(a!, { deliveries: [full, delivery('d-2', { onlyIfIdle: true })] })]);
    t.match(committed, { ok: true });
    const [claimed, ...more] = await store.deliveries.claim({ nowMs: tenMs, limit: 10, leaseMs: 1_000 });
    t.same(more, [], 'the second was only wanted if nothing waited');
    t.match(claimed, { id: 'd-1', monitorId: a!.id, channel: 'default', createdMs: tenMs, attempts: 0 });
    t.same(claimed!.notices, [full.notice]);
    t.equal((await store.deliveries.stats()).pending, 1);
  });

  t.test(`${name}: the record of listening`, async (t) => {
    const under = await open(t);
    t.equal(await under.store.lastListening(), null);
    await under.store.stampListening(1_000, null);
    t.equal(await under.store.lastListening(), 1_000);
    t.same(await under.store.blindIntervals(0), []);
    await under.store.stampListening(900, null);
    t.equal(await under.store.lastListening(), 900, 'also backwards');
    await under.store.stampListening(5_000, { fromMs: 900, toMs: 5_000 });
    await under.store.stampListening(9_000, { fromMs: 6_000, toMs: 9_000 });
    for (const reach of [async () => under.store, () => under.reopen()]) {
      const store = await reach();
      t.equal(await store.lastListening(), 9_000);
      const both = [
        { fromMs: 900, toMs: 5_000 },
        { fromMs: 6_000, toMs: 9_000 },
      ];
      t.same(await store.blindIntervals(0), both);
      t.same(await store.blindIntervals(4_999), both);
      t.same(await store.blindIntervals(5_000), both.slice(1), 'only those that ended later');
    }
  });

  t.test(`${name}: blind time that goes on is one interval`, async (t) => {
    const under = await open(t);
    await under.store.stampListening(200, { fromMs: 100, toMs: 200 });
    await under.store.stampListening(300, { fromMs: 200, toMs: 300 });
    await under.store.stampListening(400, { fromMs: 250, toMs: 400 });
    t.same(await under.store.blindIntervals(0), [{ fromMs: 100, toMs: 400 }]);
    await under.store.stampListening(600, { fromMs: 401, toMs: 600 });
    await under.store.stampListening(50, { fromMs: 40, toMs: 50 });
    const store = await under.reopen();
    const expected = [
      { fromMs: 40, toMs: 50 },
      { fromMs: 100, toMs: 400 },
      { fromMs: 401, toMs: 600 },
    ];
    t.same(await store.blindIntervals(0), expected, 'an earlier one (the clock was set back) stays apart');
  });

  t.test(`${name}: the newest 1,000 blind intervals are kept`, async (t) => {
    const { store } = await open(t);
    for (let n = 1; n <= 1_005; n++) await store.stampListening(n * 10, { fromMs: n * 10 - 5, toMs: n * 10 });
    const intervals = await store.blindIntervals(0);
    t.equal(intervals.length, 1_000);
    t.same([intervals[0]!.toMs, intervals.at(-1)!.toMs], [60, 10_050]);
  });

  t.test(`${name}: history is trimmed from its old end, in bounded slices`, async (t) => {
    const under = await open(t);
    const { store } = under;
    const [a, b, open1] = await create(store, ...['a', 'b', 'open'].map((name) => fresh({ name })));
    const first = {
      id: 'i-open',
      startedMs: 1,
      reason: 'missed' as const,
      message: '',
      exitCode: null,
      endedMs: null,
      heldBy: '',
    };
    await store.commit([change(open1!, { incidents: [first] })]);
    const closed = (n: number) => ({
      id: `i-${n}`,
      startedMs: n,
      reason: 'failed' as const,
      message: '',
      exitCode: null,
      endedMs: n + 1,
      heldBy: '',
    });
    await store.commit([
      change(a!, { beats: [beatRecord({ atMs: 1 })], incidents: [closed(1), closed(2), closed(3)] }),
      change(b!, { incidents: [closed(4), closed(5)] }),
    ]);
    t.equal(await store.trimHistory(10, 100), 0, 'nothing to trim');
    t.equal(await store.trimHistory(2, 2), 2);
    t.equal(await store.trimHistory(2, 100), 1);
    t.equal(await store.trimHistory(2, 100), 0);
    const ids = (await under.history()).incidents.map(({ id }) => id);
    t.same(ids, ['i-open', 'i-4', 'i-5'], 'an open incident is never trimmed');
    t.same(
      (await under.history()).beats.map(({ atMs }) => atMs),
      [1],
      'beats have a bound of their own',
    );
  });

  t.test(`${name}: ended pauses are trimmed, one that lasts is not`, async (t) => {
    const under = await open(t);
    const [a] = await create(under.store, fresh({ name: 'a' }), fresh({ name: 'b' }));
    const pause = (fromMs: number) => [{ fromMs, toMs: null }];
    const end = (fromMs: number) => [{ fromMs, toMs: fromMs + 1 }];
    await under.store.commit([change({ ...a!, graceMs: 1 }, { pauses: pause(1) })]);
    for (const fromMs of [2, 3, 4]) {
      const monitor = await reload(under.store, 'b');
      await under.store.commit([
        change({ ...monitor, graceMs: fromMs }, { pauses: [...pause(fromMs), ...end(fromMs)] }),
      ]);
    }
    t.equal(await under.store.trimHistory(2, 100), 1, 'the oldest that has ended');
    t.equal(await under.store.trimHistory(2, 100), 0);
  });

  t.test(`${name}: given up deliveries are trimmed, waiting ones are not`, async (t) => {
    const { store } = await open(t);
    const [a, b] = await create(store, fresh({ name: 'a' }), fresh({ name: 'b' }));
    await store.commit([change(a!, { deliveries: [delivery('waits')] })]);
    const doomed = ['d-1', 'd-2', 'd-3'].map((id) => delivery(id));
    await store.commit([change(b!, { deliveries: doomed })]);
    for (let left = 3; left > 0; left--) {
      const claimed = await store.deliveries.claim({ nowMs: tenMs, limit: 10, leaseMs: 0 });
      const { seq } = claimed.find(({ id }) => id.startsWith('d-'))!;
      await store.deliveries.settle([buried(seq, tenMs, 'gone')]);
    }
    t.match(await store.deliveries.stats(), { buried: 3, pending: 1 });
    t.equal(await store.trimHistory(1, 100), 2);
    t.match(await store.deliveries.stats(), { buried: 1, pending: 1 });
  });
}
