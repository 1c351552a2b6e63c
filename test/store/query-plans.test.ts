import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import { Database } from '../../server/store/sqlite/database.ts';
import { type MonitorsQuery, readQueries } from '../../server/store/sqlite/readers/read-queries.ts';
import { SqliteStore } from '../../server/store/sqlite/sqlite-store.ts';
import { prepareStatements } from '../../server/store/sqlite/statements.ts';

/** Whole-table reads that are meant: once at start, or over what few rows an index holds. */
const meant = ['countMonitors', 'rareMonitors', 'journalBounds', 'listening', 'blinds'];

t.test('no statement of a ping, a flip or a list reads a whole table', async (t) => {
  const directory = t.testdir();
  await new SqliteStore(directory).close();
  const path = join(directory, 'tocsin.db');
  const db = new Database(path);
  const plain = new DatabaseSync(path);
  t.teardown(async () => {
    plain.close();
    await db.close();
  });
  const written = Object.entries(prepareStatements(db)).map(([name, { sourceSQL }]) => [name, sourceSQL] as const);
  for (const [name, sql] of [...written, ...Object.entries(readQueries)]) {
    const plan = plain.prepare(`EXPLAIN QUERY PLAN ${sql}`).all() as { detail: string }[];
    const scans = plan.map(({ detail }) => detail).filter((detail) => /^SCAN \w+$/.test(detail));
    const tables = scans.filter((detail) => detail !== 'SCAN journal');
    if (!meant.includes(name)) t.same(tables, [], name);
  }
});

t.test('a page of monitors is a part of one index, in its order', async (t) => {
  const directory = t.testdir();
  await new SqliteStore(directory).close();
  const db = new DatabaseSync(join(directory, 'tocsin.db'));
  t.teardown(() => db.close());
  const names = 'name>? AND name<?';
  const plans: Record<MonitorsQuery, string> = {
    allByName: `SEARCH monitors USING COVERING INDEX sqlite_autoindex_monitors_1 (kind=? AND ${names})`,
    downByName: `SEARCH monitors USING COVERING INDEX monitors_down (kind=? AND ${names})`,
    taggedByName: `SEARCH monitor_tags USING PRIMARY KEY (tag=? AND ${names})`,
    byId: 'SEARCH monitors USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)',
    allByNameDescending: '',
    downByNameDescending: '',
    taggedByNameDescending: '',
    byIdDescending: '',
  };
  for (const [name, expected] of Object.entries(plans)) {
    const plan = db.prepare(`EXPLAIN QUERY PLAN ${readQueries[name as MonitorsQuery]}`).all() as { detail: string }[];
    const sameWay = plans[name.replace('Descending', '') as MonitorsQuery];
    t.same(
      plan.map(({ detail }) => detail),
      [expected || sameWay],
      name,
    );
  }
});
