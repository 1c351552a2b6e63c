import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t, { type Test } from 'tap';
import type { BeatRecord, IncidentRecord } from '../../server/engine/domain/monitor.ts';
import { SqliteStore } from '../../server/store/sqlite/sqlite-store.ts';
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
      const db = new DatabaseSync(join(directory, 'tocsin.db'), { readOnly: true });
      try {
        const beats = db.prepare(
          `SELECT status, at_ms AS atMs, received_ms AS receivedMs, message, duration_ms AS durationMs,
             exit_code AS exitCode, run, beat_id AS beatId, monitor_id AS monitorId FROM beats ORDER BY id`,
        );
        const incidents = db.prepare(
          `SELECT id, reason, started_ms AS startedMs, ended_ms AS endedMs, monitor_id AS monitorId
             FROM incidents ORDER BY seq`,
        );
        return {
          beats: beats.all() as unknown as (BeatRecord & { monitorId: number })[],
          incidents: incidents.all() as unknown as (IncidentRecord & { monitorId: number })[],
        };
      } finally {
        db.close();
      }
    },
  };
}
