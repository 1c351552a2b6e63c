import type { Test } from 'tap';
import type { BeatRecord, IncidentRecord, Monitor } from '../../server/engine/domain/monitor.ts';
import { type Notice, noticeDefaults } from '../../server/engine/domain/notice.ts';
import { noProgress } from '../../server/engine/domain/progress.ts';
import type { NewDelivery } from '../../server/outbox/delivery-queue.ts';
import type { FoundMonitors, MonitorPlace } from '../../server/store/monitor-query.ts';
import type { Change, Loaded, Store } from '../../server/store/store.ts';
import { monitorOf, tenMs } from '../engine/cast.ts';
import { storeFieldsContract } from './store-fields-contract.ts';
import { storeFindContract } from './store-find-contract.ts';
import { storeHistoryContract } from './store-history-contract.ts';
import { storeReadsContract } from './store-reads-contract.ts';

/** A store on a medium of its own. */
export type StoreUnderTest = {
  store: Store;
  /** Closes the store (if it is not closed yet) and opens another on the same medium. */
  reopen(): Promise<Store>;
  /** What history holds, oldest first; the interface itself has no way to read it yet. */
  history(): Promise<{
    beats: (BeatRecord & { monitorId: number })[];
    incidents: (IncidentRecord & { monitorId: number })[];
  }>;
};

export type StoreContractOptions = { name: string; open: (t: Test) => Promise<StoreUnderTest> };

/** What every store promises. The teardown of what `open` made is `open`'s own business. */
export function storeContract(t: Test, { name, open }: StoreContractOptions): void {
  t.test(`${name}: load answers each key, in order`, async (t) => {
    const { store } = await open(t);
    const [a, b] = await create(store, fresh({ name: 'a' }), fresh({ name: 'b' }));
    const keys = [{ name: 'b' }, { name: 'unknown' }, { id: a!.id }, { id: 99_999 }, { name: 'b' }, { name: 'A' }];
    t.same(
      (await store.load(keys)).map(({ monitor }) => monitor?.id),
      [b!.id, undefined, a!.id, undefined, b!.id, undefined],
    );
    t.same(await store.load([]), []);
    t.same(await store.commit([]), []);
  });

  t.test(`${name}: versions`, async (t) => {
    const { store } = await open(t);
    const [first] = await create(store, fresh({ name: 'm' }));
    const [updated] = await store.commit([change({ ...first!, graceMs: 1 })]);
    t.match(updated, { ok: true, id: first!.id });
    const second = await reload(store, 'm');
    t.match(second, { graceMs: 1, version: updated!.ok && updated!.version });
    t.not(second.version, first!.version, 'a commit changes the version');

    const inOneBatch = await store.commit([change({ ...second, graceMs: 2 }), change({ ...second, graceMs: 3 })]);
    t.match(inOneBatch, [{ ok: true }, conflict], 'the second of a batch sees the first');
    t.equal((await reload(store, 'm')).graceMs, 2);
  });

  t.test(`${name}: a conflict writes nothing of its change, and the others are written`, async (t) => {
    const under = await open(t);
    const { store } = under;
    const [old, gone] = await create(store, fresh({ name: 'old' }), fresh({ name: 'gone' }));
    await store.commit([change({ ...old!, graceMs: 1 }), { ...change(gone!), remove: true }]);
    const beforeHistory = await under.history();
    const conflicting = [old!, gone!, fresh({ name: 'old' })].map((monitor, index) =>
      withHistory(monitor, `c${index}`),
    );
    const removal = { ...withHistory(old!, 'c3'), remove: true };
    const other = withHistory(fresh({ name: 'other' }), 'fine');
    const results = await store.commit([...conflicting, removal, other]);
    t.match(results, [conflict, conflict, conflict, conflict, { ok: true }]);
    t.match(await reload(store, 'old'), { graceMs: 1 });
    t.equal((await store.load([{ name: 'gone' }]))[0]!.monitor, undefined);
    const { beats, incidents } = await under.history();
    const ids = (rows: { monitorId: number }[]) => rows.map(({ monitorId }) => monitorId);
    const otherId = (await reload(store, 'other')).id;
    t.same(ids(beats.slice(beforeHistory.beats.length)), [otherId]);
    t.same(ids(incidents.slice(beforeHistory.incidents.length)), [otherId]);
    const claimed = await store.deliveries.claim({ nowMs: tenMs, limit: 100, leaseMs: 1 });
    t.same(
      claimed.map(({ id }) => id),
      ['d-fine'],
    );
    t.equal(await store.countMonitors(), 2);
  });

  t.test(`${name}: removal`, async (t) => {
    const under = await open(t);
    const [keep, a] = await create(under.store, fresh({ name: 'keep' }), fresh({ name: 'a' }));
    const removal = { ...withHistory(a!, 'last'), remove: true };
    t.match(await under.store.commit([removal]), [{ ok: true, id: a!.id }]);
    t.match(await under.store.commit([removal]), [conflict], 'once');
    const reopened = await under.reopen();
    t.equal((await reopened.load([{ name: 'a' }]))[0]!.monitor, undefined);
    t.equal((await reopened.load([{ id: a!.id }]))[0]!.monitor, undefined);
    t.equal(await reopened.countMonitors(), 1);
    const claimed = await reopened.deliveries.claim({ nowMs: tenMs, limit: 9, leaseMs: 1 });
    t.same(
      claimed.map(({ id }) => id),
      ['d-last'],
      'what was to be said is still said',
    );
    const { beats } = await under.history();
    t.equal(beats.at(-1)!.beatId, 'b-last', 'and its last beats are history');
    const [anew] = await create(reopened, fresh({ name: 'a' }));
    t.ok(anew!.id > Math.max(a!.id, keep!.id), 'ids are never used again');
    t.equal((await reopened.load([{ name: 'a', beatId: 'b-last' }]))[0]!.seenBeat, undefined, 'it starts anew');
  });

  t.test(`${name}: a removal and a new beginning in one batch`, async (t) => {
    const { store } = await open(t);
    const [a] = await create(store, fresh({ name: 'a' }));
    const results = await store.commit([{ ...change(a!), remove: true }, change(fresh({ name: 'a', graceMs: 5 }))]);
    t.match(results, [{ ok: true }, { ok: true }]);
    const anew = await reload(store, 'a');
    t.ok(anew.id > a!.id);
    t.equal(anew.graceMs, 5);
  });

  t.test(`${name}: pages of names, in byte order`, async (t) => {
    const { store } = await open(t);
    // UTF-16 would put the emoji (surrogates) before U+FF5E; locales would mix the cases.
    const names = [
      'b',
      'B',
      'a',
      'A',
      'ab',
      'a b',
      'a/b',
      'é',
      'e',
      'zz',
      'Zz',
      '\u{1f514}',
      '\uff5e',
      '0',
      '10',
      '9',
      '~',
    ];
    await create(store, ...names.map((name) => fresh({ name })));
    const sorted = names.toSorted((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y)));
    t.same(await allPages(store, 500), sorted);
    t.same(await allPages(store, 1), sorted);
    t.same(await allPages(store, 4), sorted);
    const last = await store.find({ order: 'name', after: sorted.at(-1)!, limit: 10 });
    t.same(last, { monitors: [], next: null });
  });

  t.test(`${name}: what is awaited`, async (t) => {
    const { store } = await open(t);
    const hold = { untilMs: 300, blind: { fromMs: 100, toMs: 200 } };
    const progress = { ...noProgress, alert: { open: null, downs: [], flapping: null, nextMs: 400 } };
    const incident = { id: 'i', startedMs: 50, reason: 'missed' as const, message: '', exitCode: null };
    const made = await create(
      store,
      fresh({ name: 'up', deadlineMs: 100 }),
      fresh({ name: 'held', deadlineMs: 100, hold }),
      fresh({ name: 'new', status: 'new', deadlineMs: null }),
      fresh({ name: 'started', status: 'new', deadlineMs: 150 }),
      fresh({ name: 'down', status: 'down', deadlineMs: 100, incident, hold }),
      fresh({ name: 'repeating', status: 'down', deadlineMs: 100, incident: { ...incident, id: 'i2' }, progress }),
      fresh({ name: 'passed', deadlineMs: 0 }),
    );
    const id = (name: string) => made.find((monitor) => monitor.name === name)!.id;
    const expected = [
      { id: id('up'), wakeMs: 100 },
      { id: id('held'), wakeMs: 300 },
      { id: id('started'), wakeMs: 150 },
      { id: id('repeating'), wakeMs: 400 },
      { id: id('passed'), wakeMs: 0 },
    ];
    t.same(await store.scanArmed(0, 10_000), expected, 'all of it, by id');
    const paged = [...(await store.scanArmed(0, 2)), ...(await store.scanArmed(expected[1]!.id, 2))];
    t.same(paged, expected.slice(0, 4));
    t.same(await store.scanArmed(expected.at(-1)!.id, 10), []);
  });

  storeFieldsContract(t, { name, open });
  storeHistoryContract(t, { name, open });
  storeReadsContract(t, { name, open });
  storeFindContract(t, { name, open });
}

export const conflict = { ok: false, reason: 'conflict' } as const;

/** A monitor that is not stored yet. */
export function fresh(fields: Partial<Monitor>): Monitor {
  return monitorOf({ id: 0, version: 0, ...fields });
}

export function change(monitor: Monitor, fields: Partial<Change> = {}): Change {
  return { monitor, remove: false, beats: [], incidents: [], pauses: [], deliveries: [], ...fields };
}

/** A change that writes a beat "b-x", an incident "i-x" and a delivery "d-x" as well. */
function withHistory(monitor: Monitor, x: string): Change {
  const incidents = [
    {
      id: `i-${x}`,
      startedMs: tenMs,
      reason: 'failed' as const,
      message: '',
      exitCode: null,
      endedMs: null,
      heldBy: '',
    },
  ];
  return change(monitor, { beats: [beatRecord({ beatId: `b-${x}` })], incidents, deliveries: [delivery(`d-${x}`)] });
}

export function beatRecord(fields: Partial<BeatRecord> = {}): BeatRecord {
  const said = { message: '', body: null, durationMs: null, exitCode: null, run: '', beatId: '' };
  return { status: 'ok', atMs: tenMs, receivedMs: tenMs, ...said, address: '', userAgent: '', ...fields };
}

export function delivery(id: string, fields: Partial<Notice> & { onlyIfIdle?: boolean } = {}): NewDelivery {
  const { onlyIfIdle = false, ...rest } = fields;
  const notice: Notice = {
    type: 'down',
    atMs: tenMs,
    name: 'm',
    reason: 'missed',
    incidentId: 'i',
    downSinceMs: tenMs,
    recoveredMs: null,
    merged: false,
    repeat: 0,
    lastBeatMs: null,
    dueMs: null,
    deadlineMs: null,
    frequencyMs: 1_000,
    graceMs: 0,
    message: '',
    exitCode: null,
    blind: null,
    ...noticeDefaults,
    ...rest,
  };
  return { id, channel: 'default', notice, onlyIfIdle };
}

/** Stores monitors and returns them as stored. */
export async function create(store: Store, ...monitors: Monitor[]): Promise<Monitor[]> {
  const results = await store.commit(monitors.map((monitor) => change(monitor)));
  return results.map((result, index) => {
    if (!result.ok) throw new Error(`could not create ${monitors[index]!.name}`);
    return { ...monitors[index]!, id: result.id, version: result.version };
  });
}

export async function reload(store: Store, name: string): Promise<Monitor> {
  const [loaded] = (await store.load([{ name }])) as [Loaded];
  if (!loaded.monitor) throw new Error(`no monitor ${name}`);
  return loaded.monitor;
}

async function allPages(store: Store, limit: number): Promise<string[]> {
  const names: string[] = [];
  for (let after: MonitorPlace | null = null; ; ) {
    const page: FoundMonitors = await store.find({ order: 'name', after, limit });
    names.push(...page.monitors.map(({ name }) => name));
    if (page.next === null) return names;
    after = page.next;
  }
}
