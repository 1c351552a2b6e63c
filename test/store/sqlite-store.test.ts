import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t, { type Test } from 'tap';
import type { IncidentRecord } from '../../server/engine/domain/monitor.ts';
import { SqliteStore } from '../../server/store/sqlite/sqlite-store.ts';
import { storedBeats } from '../support/stored-beats.ts';
import { type StoreUnderTest, storeContract } from './store-contract.ts';

storeContract(t, { name: 'sqlite', open });

async function open(t: Test): Promise<StoreUnderTest> {
  const directory = t.testdir();
  let store = new SqliteStore(directory);
  t.teardown(() => store.close());
  return {
    store,
    async reopen() {
      await store.close();
      store = new SqliteStore(directory);
      return store;
    },
    async history() {
      const db = new DatabaseSync(join(directory, 'tocsin.db'), { readOnly: true, timeout: 30_000 });
      try {
        const incidents = db.prepare(
          `SELECT id, reason, started_ms AS startedMs, ended_ms AS endedMs, message,
               exit_code AS exitCode, held_by AS heldBy, monitor_id AS monitorId
             FROM incidents ORDER BY seq`,
        );
        return {
          beats: storedBeats(directory),
          incidents: incidents.all() as unknown as (IncidentRecord & { monitorId: number })[],
        };
      } finally {
        db.close();
      }
    },
  };
}
