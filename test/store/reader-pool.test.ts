import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import { ReaderPool } from '../../server/store/sqlite/readers/reader-pool.ts';
import { SqliteStore } from '../../server/store/sqlite/sqlite-store.ts';
import { change, create, fresh } from './store-contract.ts';

t.test('a read sees what was committed before it, while the writer goes on', async (t) => {
  const store = new SqliteStore(t.testdir());
  t.teardown(() => store.close());
  const names: string[] = [];
  const lists: Promise<unknown>[] = [];
  for (let index = 0; index < 200; index++) {
    const name = `job-${String(index).padStart(3, '0')}`;
    await create(store, fresh({ name }));
    names.push(name);
    const expected = [...names];
    lists.push(
      store.find({ order: 'name', after: null, limit: 500 }).then(({ monitors }) => {
        const found = monitors.map((monitor) => monitor.name);
        t.same(found.slice(0, expected.length), expected);
      }),
    );
  }
  await Promise.all(lists);
  const [last] = await store.load([{ name: 'job-199' }]);
  await store.commit([change(last!.monitor!, { remove: true })]);
  t.same((await store.find({ order: 'name', after: 'job-198', limit: 5 })).monitors, []);
});

t.test('too many reads at once are refused, the others answered', async (t) => {
  const directory = t.testdir();
  await new SqliteStore(directory).close();
  const pool = new ReaderPool({
    path: join(directory, 'tocsin.db'),
    historyPath: join(directory, 'history.db'),
    size: 2,
  });
  t.teardown(() => pool.close());
  const reads = Array.from({ length: 1_010 }, () => pool.monitors('byId', [1, 10, 10]));
  const results = await Promise.allSettled(reads);
  const refused = results.filter(({ status }) => status === 'rejected');
  t.equal(refused.length, 8, 'two are under way, a thousand wait');
  for (const result of refused) t.match(result, { reason: { name: 'StoreError', reason: 'busy' } });
  t.same(await pool.monitors('byId', [1, 10, 10]), new Float64Array(0));
});

t.test('what cannot be read is an error, and the next read is tried anew', async (t) => {
  const directory = t.testdir();
  const path = join(directory, 'tocsin.db');
  const pool = new ReaderPool({ path, historyPath: join(directory, 'history.db'), size: 1 });
  t.teardown(() => pool.close());
  await t.rejects(pool.monitors('byId', [1, 10, 10]), { name: 'StoreError', reason: 'io' }, 'there is no database');
  new DatabaseSync(path).close();
  await t.rejects(pool.monitors('byId', [1, 10, 10]), { reason: 'io', message: /no such table/ });
  await new SqliteStore(directory).close();
  t.same(await pool.monitors('byId', [1, 10, 10]), new Float64Array(0));
  await pool.close();
  await t.rejects(pool.monitors('byId', [1, 10, 10]), { reason: 'io', message: /closed/ });
});

t.test('what changes while a list is read does not shorten it', async (t) => {
  const store = new SqliteStore(t.testdir());
  t.teardown(() => store.close());
  const names = Array.from({ length: 30 }, (_, index) => `job-${index + 10}`);
  const made = await create(store, ...names.map((name) => fresh({ name })));
  const incident = { id: 'i', startedMs: 1, reason: 'failed' as const, message: '', exitCode: null };
  const down = { ...made[5]!, status: 'down' as const, incident };
  await store.commit([change(down, { incidents: [{ ...incident, endedMs: null, heldBy: '' }] })]);
  const query = { order: 'name', after: null, limit: 10 } as const;
  const page = store.find(query);
  const downs = store.find({ ...query, phases: { anyOf: ['down'], atMs: 1 } });
  // The readers have answered, and this thread has not heard of it: the change comes in between.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
  await store.commit([
    change(made[3]!, { remove: true }),
    change({ ...made[5]!, version: 2, status: 'up' }, { incidents: [{ ...incident, endedMs: 2, heldBy: '' }] }),
  ]);
  t.same(
    (await page).monitors.map(({ name }) => name),
    [...names.slice(0, 3), ...names.slice(4, 11)],
    'the next one takes its place',
  );
  t.same((await downs).monitors, [], 'it is up again');
});
