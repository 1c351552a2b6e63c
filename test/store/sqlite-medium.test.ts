import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmdirSync, statfsSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t, { type Test } from 'tap';
import { migrations } from '../../server/store/sqlite/migrations.ts';
import { SqliteStore } from '../../server/store/sqlite/sqlite-store.ts';
import { type Change, StoreError } from '../../server/store/store.ts';
import { beatRecord, change, create, delivery, fresh, reload } from './store-contract.ts';

function openIn(t: Test, directory: string, options: { maxBytes?: number } = {}): SqliteStore {
  const store = new SqliteStore(directory, options);
  t.teardown(() => store.close());
  return store;
}

/** How opening the directory fails; null when it opens. */
function failure(directory: string): Pick<StoreError, 'reason' | 'message'> | null {
  try {
    void new SqliteStore(directory).close();
    return null;
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return { reason: error.reason, message: error.message };
  }
}

t.test('one server per directory', async (t) => {
  const directory = t.testdir();
  const first = openIn(t, directory);
  const refused = { reason: 'locked', message: /another Tocsin server is using .*TOCSIN_DATA_DIR/ };
  t.match(failure(directory), refused, 'in the same process');
  t.match(failure(directory), refused, 'a refused attempt does not loosen the lock');
  const storeUrl = new URL('../../server/store/sqlite/sqlite-store.ts', import.meta.url).href;
  const script = `import { SqliteStore } from ${JSON.stringify(storeUrl)};
    try { globalThis.store = new SqliteStore(process.argv[1]); console.log('open'); setInterval(() => {}, 1e6); }
    catch (error) { console.log(error.reason); }`;
  const args = ['--input-type=module', '-e', script, directory];
  t.equal(execFileSync(process.execPath, args, { encoding: 'utf8' }), 'locked\n', 'in another process');
  await create(first, fresh({ name: 'still-works' }));
  await first.close();

  const other = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.equal(String((await once(other.stdout, 'data'))[0]), 'open\n');
  t.match(failure(directory), refused, 'held by the other process');
  other.kill('SIGKILL');
  await once(other, 'exit');
  const store = openIn(t, directory);
  t.ok(await reload(store, 'still-works'), 'kill -9 leaves no lock behind');
});

t.test('what cannot be opened is refused with a reason, and left as it was', async (t) => {
  await t.test('a newer schema', async (t) => {
    const directory = t.testdir();
    await new SqliteStore(directory).close();
    const path = join(directory, 'tocsin.db');
    const raw = (sql: string) => {
      const db = new DatabaseSync(path);
      const row = db.prepare(sql).get();
      db.close();
      return { ...row } as Record<string, unknown>;
    };
    raw('PRAGMA user_version = 999');
    t.match(failure(directory), { reason: 'newer_schema', message: /schema version 999, .* use a newer server/ });
    t.match(failure(directory), { reason: 'newer_schema' }, 'again: the lock was given back');
    t.same(raw('PRAGMA user_version'), { user_version: 999 });
    raw(`PRAGMA user_version = ${migrations.length}`);
    t.equal(failure(directory), null);
  });

  await t.test('something else than a database', async (t) => {
    const directory = t.testdir({ 'tocsin.db': 'no database at all, but long enough to have a header'.repeat(100) });
    t.match(failure(directory), { reason: 'io' });
    t.match(failure(directory), { reason: 'io' }, 'again: the lock was given back');
  });

  await t.test('a lock file that is none', async (t) => {
    t.match(failure(t.testdir({ 'lock.db': 'x'.repeat(5_000) })), { reason: 'io', message: /lock\.db/ });
    t.match(failure(t.testdir({ 'lock.db': {} })), { reason: 'io', message: /lock\.db/ });
  });

  await t.test('a file where the directory should be', async (t) => {
    const directory = join(t.testdir({ data: 'a file' }), 'data');
    t.match(failure(directory), { reason: 'io', message: /data directory .*data cannot be used/ });
    t.match(failure(join(directory, 'below')), { reason: 'io', message: /data directory .*below cannot be used/ });
  });
});

t.test('the files are for their owner only', async (t) => {
  const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
  const parent = t.testdir({ found: {} });
  const made = join(parent, 'deep', 'data');
  await create(openIn(t, made), fresh({ name: 'm' }));
  t.equal(mode(made), '700', 'a directory of its own');
  const found = join(parent, 'found');
  await create(openIn(t, found), fresh({ name: 'm' }));
  t.equal(mode(found), '755', 'a directory that was there stays as it is');
  for (const directory of [made, found]) {
    const files = readdirSync(directory);
    t.ok(files.includes('tocsin.db') && files.includes('tocsin.db-wal'), files.join());
    for (const file of files) t.equal(mode(join(directory, file)), '600', file);
  }
});

/** Fills the store until it is full in the middle of a batch; then nothing of that batch may be there. */
async function fillUp(t: Test, store: SqliteStore): Promise<string> {
  await store.stampListening(1_000, null);
  for (let round = 0; round < 1_000; round++) {
    const batch: Change[] = Array.from({ length: 20 }, (_, index) =>
      change(fresh({ name: `m-${round}-${index}` }), {
        beats: [beatRecord({ message: 'x'.repeat(2_000), beatId: 'b' })],
        incidents: [
          {
            id: `i-${round}-${index}`,
            startedMs: 1,
            reason: 'failed',
            message: '',
            exitCode: null,
            endedMs: null,
            heldBy: '',
          },
        ],
        deliveries: [delivery(`d-${round}-${index}`)],
      }),
    );
    try {
      await store.commit(batch);
    } catch (error) {
      t.ok(error instanceof StoreError, String(error));
      t.match(error, { reason: 'full', message: /full/ });
      t.ok(round > 0, 'some fitted');
      t.equal(await store.countMonitors(), round * 20, 'nothing of the batch is there');
      t.equal((await store.deliveries.stats()).pending, round * 20);
      const names = batch.map(({ monitor }) => ({ name: monitor.name, beatId: 'b' }));
      t.ok((await store.load(names)).every(({ monitor }) => monitor === undefined));
      t.ok((await store.load([{ name: 'm-0-0', beatId: 'b' }]))[0]!.seenBeat, 'what was there before is');
      t.match(await store.commit([]), [], 'no transaction is left open');
      t.equal(await store.lastListening(), 1_000);
      return `m-${round - 1}-19`;
    }
  }
  throw new Error('it was never full');
}

async function check(t: Test, store: SqliteStore, lastName: string): Promise<void> {
  const count = await store.countMonitors();
  t.ok(await reload(store, lastName));
  await create(store, fresh({ name: 'there is room again' }));
  t.equal(await store.countMonitors(), count + 1);
}

t.test('a database at its bound', async (t) => {
  const directory = t.testdir();
  const store = openIn(t, directory, { maxBytes: 600_000 });
  const lastName = await fillUp(t, store);
  for (let index = 0; index < 20; index++) {
    const [removed] = await store.commit([change((await reload(store, `m-0-${index}`))!, { remove: true })]);
    t.match(removed, { ok: true }, 'there is always room to remove');
  }
  await check(t, store, lastName);
  await store.close();
  t.ok(statSync(join(directory, 'tocsin.db')).size <= 600_000);
  const larger = openIn(t, directory, { maxBytes: 6_000_000 });
  await check(t, larger, lastName).catch((error) => t.match(error, /could not create/, 'the name is taken'));
  t.ok(await reload(larger, 'there is room again'));
});

/** Why no small disk can be had for a test; false when it can. */
function mountProblem(): string | false {
  const directory = mkdtempSync(join(tmpdir(), 'tocsin-mount-'));
  try {
    mountDisk(directory);
    execFileSync('umount', [directory]);
    return false;
  } catch (error) {
    return `a small file system cannot be mounted here: ${(error as Error).message.trim()}`;
  } finally {
    rmdirSync(directory);
  }
}

function mountDisk(directory: string): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', directory], { stdio: 'pipe' });
}

t.test('a disk that is full', { skip: mountProblem() }, async (t) => {
  const directory = join(t.testdir({ disk: {} }), 'disk');
  mountDisk(directory);
  const data = join(directory, 'data');
  const stores: SqliteStore[] = [];
  try {
    const store = new SqliteStore(data);
    stores.push(store);
    const lastName = await fillUp(t, store);
    const { bavail, bsize } = statfsSync(directory);
    t.ok(bavail * bsize < 300_000, 'the disk is what was full');
    execFileSync('mount', ['-o', 'remount,size=8m', directory]);
    await check(t, store, lastName);
    await store.close();
    const again = new SqliteStore(data);
    stores.push(again);
    t.ok(await reload(again, 'there is room again'));
  } finally {
    for (const store of stores) await store.close();
    execFileSync('umount', [directory]);
  }
});
