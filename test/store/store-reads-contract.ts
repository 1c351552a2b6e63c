import type { Test } from 'tap';
import { dayMs, dayOf } from '../../server/engine/domain/spent-time.ts';
import { hourMs, tenMs } from '../engine/cast.ts';
import { beatRecord, change, create, fresh, reload, type StoreContractOptions } from './store-contract.ts';

/** The part of the store contract about reading the past. */
export function storeReadsContract(t: Test, { name, open }: StoreContractOptions): void {
  t.test(`${name}: a beat that was acknowledged is read, whatever it carries`, async (t) => {
    const under = await open(t);
    const [a, b] = await create(under.store, fresh({ name: 'a' }), fresh({ name: 'b' }));
    const full = beatRecord({
      status: 'fail',
      atMs: 1,
      receivedMs: 2,
      message: 'it’s "broken"\n\u{1f525}',
      body: Uint8Array.from({ length: 10_000 }, (_, index) => index % 256),
      durationMs: 31_622_400_000,
      exitCode: -2_147_483_648,
      run: 'run-1',
      beatId: 'b-1',
      address: '2001:db8::1',
      userAgent: 'curl/8.5 ü',
    });
    const empty = beatRecord({ status: 'keep_alive', body: new Uint8Array(0) });
    await under.store.commit([
      change(a!, { beats: [beatRecord(), full, empty] }),
      change(b!, { beats: [beatRecord({ status: 'log', address: '2001:db8::1', userAgent: 'curl/8.5 ü' })] }),
    ]);
    for (const reach of [async () => under.store, () => under.reopen()]) {
      const store = await reach();
      const beats = await store.listBeats({ monitorId: a!.id, beforeId: null, limit: 10 });
      t.same(
        beats.map(({ id: _, ...beat }) => beat),
        [empty, full, beatRecord()],
        'newest first',
      );
      t.ok(beats[0]!.id > beats[1]!.id && beats[1]!.id > beats[2]!.id);
      t.match(await store.listBeats({ monitorId: b!.id, beforeId: null, limit: 10 }), [
        { status: 'log', address: '2001:db8::1', userAgent: 'curl/8.5 ü' },
      ]);
      t.same(await store.listBeats({ monitorId: 999, beforeId: null, limit: 10 }), []);
    }
  });

  t.test(`${name}: beats in pages, and those around a moment`, async (t) => {
    const under = await open(t);
    const [a, b] = await create(under.store, fresh({ name: 'a' }), fresh({ name: 'b' }));
    for (let n = 1; n <= 25; n++) {
      const beats = [beatRecord({ atMs: tenMs + n })];
      const both = [await reload(under.store, 'a'), await reload(under.store, 'b')];
      await under.store.commit(both.map((monitor) => change(monitor, { beats })));
      const [newest] = await under.store.listBeats({ monitorId: a!.id, beforeId: null, limit: 1 });
      t.equal(newest?.atMs, tenMs + n);
    }
    const times: number[] = [];
    for (let beforeId: number | null = null; ; ) {
      const page = await under.store.listBeats({ monitorId: b!.id, beforeId, limit: 10 });
      times.push(...page.map(({ atMs }) => atMs - tenMs));
      if (page.length < 10) break;
      beforeId = page.at(-1)!.id;
    }
    t.same(
      times,
      Array.from({ length: 25 }, (_, index) => 25 - index),
    );
    const asked = { monitorId: a!.id, times: [20, 5, 24].map((n) => tenMs + n), before: 3, after: 2, bytesMax: 1 };
    const around = await under.store.beatsAround(asked);
    t.same(
      around.map((beats) => beats.map(({ atMs }) => atMs - tenMs)),
      [
        [18, 19, 20, 21, 22],
        [3, 4, 5, 6, 7],
        [22, 23, 24, 25],
      ],
    );
    const [newest] = await under.store.listBeats({ monitorId: a!.id, beforeId: null, limit: 1 });
    const ofOther = { monitorId: b!.id, beforeId: newest!.id, limit: 10 };
    t.same(await under.store.listBeats(ofOther), [], 'an id of another monitor is no place in its beats');
  });

  t.test(`${name}: beats up to some bytes of messages and bodies`, async (t) => {
    const under = await open(t);
    const [a] = await create(under.store, fresh({ name: 'a' }));
    const beats = Array.from({ length: 6 }, (_, n) =>
      beatRecord({ atMs: tenMs + n, message: 'ü'.repeat(100), body: new Uint8Array(300) }),
    );
    await under.store.commit([change(a!, { beats })]);
    const count = async (bytesMax: number) =>
      (await under.store.listBeats({ monitorId: a!.id, beforeId: null, limit: 10, bytesMax })).length;
    t.same([await count(1), await count(1_000), await count(1_001), await count(100_000)], [1, 2, 3, 6]);
    const times = [5, 3, 1].map((n) => tenMs + n);
    const around = async (bytesMax: number) =>
      (await under.store.beatsAround({ monitorId: a!.id, times, before: 1, after: 1, bytesMax })).map(
        (each) => each.length,
      );
    t.same([await around(1), await around(501), await around(100_000)], [[1], [1, 2], [1, 2, 2]]);
  });

  t.test(`${name}: days and uptimes, as time goes on`, async (t) => {
    const under = await open(t);
    let { store } = under;
    const [a, b, never] = await create(
      store,
      fresh({ name: 'a', firstBeatMs: tenMs }),
      fresh({ name: 'b', firstBeatMs: tenMs + dayMs }),
      fresh({ name: 'never', firstBeatMs: null }),
    );
    const day = dayOf(tenMs);
    await store.stampListening(tenMs, null);
    const incident = {
      id: 'i-1',
      startedMs: tenMs + 2 * hourMs,
      reason: 'missed' as const,
      message: '',
      exitCode: null,
    };
    await store.commit([
      change(a!, {
        beats: [beatRecord({ durationMs: 100 }), beatRecord({ durationMs: 300 }), beatRecord({ status: 'fail' })],
        incidents: [{ ...incident, endedMs: null, heldBy: '' }],
      }),
    ]);
    const read = (id: number, nowMs: number) => store.listDays({ monitorId: id, fromDay: 0, toDay: 1e6, nowMs });
    const first = { day, upMs: 2 * hourMs, downMs: hourMs, unknownMs: 0, excludedMs: 10 * hourMs };
    const durations = { count: 2, minMs: 100, meanMs: 200, maxMs: 300 };
    t.match(await read(a!.id, tenMs + 3 * hourMs), [{ ...first, beats: 3, failures: 1, durations }]);
    t.same(await read(b!.id, tenMs + 3 * hourMs), []);
    const end = { ...incident, endedMs: tenMs + 4 * hourMs, heldBy: '' };
    await store.commit([change(await reload(store, 'a'), { incidents: [end] })]);
    const blind = { fromMs: tenMs + 12 * hourMs, toMs: tenMs + 18 * hourMs };
    await store.stampListening(blind.toMs, blind);
    const pause = { fromMs: tenMs + 20 * hourMs, toMs: null };
    await store.commit([change(await reload(store, 'a'), { pauses: [pause] })]);
    const resume = { ...pause, toMs: tenMs + 23 * hourMs };
    await store.commit([change(await reload(store, 'a'), { pauses: [resume] })]);

    const nowMs = tenMs + 3 * dayMs;
    const days = [
      { ...first, upMs: 10 * hourMs, downMs: 2 * hourMs, unknownMs: 2 * hourMs, beats: 3, failures: 1 },
      { day: day + 1, upMs: 17 * hourMs, downMs: 0, unknownMs: 4 * hourMs, excludedMs: 3 * hourMs, beats: 0 },
      { day: day + 2, upMs: dayMs, downMs: 0, unknownMs: 0, excludedMs: 0 },
      { day: day + 3, upMs: 10 * hourMs, downMs: 0, unknownMs: 0, excludedMs: 0 },
    ];
    const spent = [61 * hourMs, 2 * hourMs, 6 * hourMs];
    const asked = { ids: [b!.id, 999, a!.id, never!.id, a!.id], days: 7 as const, nowMs };
    const nothing = [0, 0, 0];
    const uptimes = [dayMs + 24 * hourMs, 0, 0, ...nothing, ...spent, ...nothing, ...spent];
    for (const reach of ['before', 'closed', 'reopened']) {
      if (reach === 'closed') {
        await store.stampListening(nowMs, null);
        await read(a!.id, nowMs);
      } else if (reach === 'reopened') store = await under.reopen();
      t.match(await read(a!.id, nowMs), days, reach);
      t.same([...(await store.listUptimes(asked))], uptimes, reach);
      t.same(await read(never!.id, nowMs), []);
      t.same(await read(999, nowMs), []);
    }
    const two = await store.listDays({ monitorId: a!.id, fromDay: day + 1, toDay: day + 2, nowMs });
    t.match(two, days.slice(1, 3));
    await store.commit([change(await reload(store, 'a'), { remove: true })]);
    t.same(await read(a!.id, nowMs), [], 'a monitor that was removed has none');
    t.same([...(await store.listUptimes({ ...asked, ids: [a!.id] }))], nothing);
  });

  t.test(`${name}: incidents, newest first`, async (t) => {
    const under = await open(t);
    const [a, b] = await create(under.store, fresh({ name: 'a' }), fresh({ name: 'b' }));
    const full = { id: 'i-2', startedMs: 20, reason: 'failed' as const, message: 'it’s broken', exitCode: 3 };
    const plain = { reason: 'missed' as const, message: '', exitCode: null, heldBy: '' };
    const first = { ...plain, id: 'i-1', startedMs: 10, endedMs: 15 };
    const held = { ...plain, id: 'i-3', startedMs: 30, endedMs: null, heldBy: 'database' };
    await under.store.commit([
      change(a!, { incidents: [first, { ...full, endedMs: null, heldBy: '' }] }),
      change(b!, { incidents: [held] }),
    ]);
    const list = (monitorId: number | null, beforeSeq: number | null = null, limit = 10) =>
      under.store.listIncidents({ monitorId, beforeSeq, limit });
    const all = await list(null);
    t.match(all, [
      { ...held, monitorId: b!.id },
      { ...full, endedMs: null, heldBy: '', monitorId: a!.id },
      { ...first, monitorId: a!.id },
    ]);
    t.same(await list(a!.id), all.slice(1));
    t.same(await list(999), []);
    t.same(await list(null, null, 1), all.slice(0, 1));
    t.same(await list(null, all[0]!.seq, 1), all.slice(1, 2));
    t.same(await list(a!.id, all[1]!.seq), all.slice(2));
  });

  t.test(`${name}: too many reads at once are refused, and those of a closed store`, async (t) => {
    const under = await open(t);
    const [a] = await create(under.store, fresh({ name: 'a' }));
    const read = () => under.store.listBeats({ monitorId: a!.id, beforeId: null, limit: 1 });
    const results = await Promise.allSettled(Array.from({ length: 1_005 }, read));
    const refused = results.filter(({ status }) => status === 'rejected');
    t.equal(refused.length, 5);
    for (const result of refused) t.match(result, { reason: { name: 'StoreError', reason: 'busy' } });
    await under.store.close();
    await t.rejects(read(), { name: 'StoreError', reason: 'io' });
    await under.reopen();
  });
}
