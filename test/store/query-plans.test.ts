import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import { Database } from '../../server/store/sqlite/database.ts';
import { prepareDeliveryStatements } from '../../server/store/sqlite/delivery-statements.ts';
import { type MonitorsQuery, readQueries } from '../../server/store/sqlite/readers/read-queries.ts';
import { SqliteStore } from '../../server/store/sqlite/sqlite-store.ts';
import { prepareStatements } from '../../server/store/sqlite/statements.ts';

/** The small tables of digests. */
const atStartOfQueue = ['digests', 'removeLostIncidents', 'countIncidents'];
/** Whole-table reads that are meant: once at start, when the clock was set back, or over what few rows an index holds. */
const meant = ['countMonitors', 'rareMonitors', 'journalBounds', 'listening', 'blinds', ...atStartOfQueue, 'shift'];

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
  const prepared = { ...prepareStatements(db), ...prepareDeliveryStatements(db) };
  const written = Object.entries(prepared).map(([name, { sourceSQL }]) => [name, sourceSQL] as const);
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

t.test('what was sent or given up is found by an index of its own, in its order', async (t) => {
  const directory = t.testdir();
  await new SqliteStore(directory).close();
  const db = new Database(join(directory, 'tocsin.db'));
  const plain = new DatabaseSync(join(directory, 'tocsin.db'));
  t.teardown(async () => {
    plain.close();
    await db.close();
  });
  const { newestSettled, newestSettledOf, oldestSettled, settledById } = prepareDeliveryStatements(db);
  const planOf = ({ sourceSQL }: { sourceSQL: string }) =>
    plain
      .prepare(`EXPLAIN QUERY PLAN ${sourceSQL}`)
      .all()
      .map((row) => (row as { detail: string }).detail);
  t.same(planOf(newestSettled), ['SEARCH deliveries USING COVERING INDEX deliveries_settled (state=? AND seq<?)']);
  t.same(planOf(newestSettledOf), [
    'SEARCH deliveries USING COVERING INDEX deliveries_settled_of (channel=? AND state=? AND seq<?)',
  ]);
  t.same(planOf(oldestSettled), ['SEARCH deliveries USING INDEX deliveries_settled (state=?)']);
  t.same(planOf(settledById), ['SEARCH deliveries USING INDEX deliveries_settled_by_id (id=?)']);
});
