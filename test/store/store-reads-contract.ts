import type { Test } from 'tap';
import { tenMs } from '../engine/cast.ts';
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
    const around = await under.store.beatsAround({ monitorId: a!.id, atMs: tenMs + 5, before: 3, after: 2 });
    t.same(
      around.map(({ atMs }) => atMs - tenMs),
      [3, 4, 5, 6, 7],
    );
    const [newest] = await under.store.listBeats({ monitorId: a!.id, beforeId: null, limit: 1 });
    const ofOther = { monitorId: b!.id, beforeId: newest!.id, limit: 10 };
    t.same(await under.store.listBeats(ofOther), [], 'an id of another monitor is no place in its beats');
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
