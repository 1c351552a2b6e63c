import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import { Database } from '../../server/store/sqlite/database.ts';
import { readQueries } from '../../server/store/sqlite/readers/read-queries.ts';
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
