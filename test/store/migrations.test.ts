import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import { migrations } from '../../server/store/sqlite/migrations.ts';
import { SqliteStore } from '../../server/store/sqlite/sqlite-store.ts';
import { minuteMs, tenMs } from '../engine/cast.ts';
import { sent } from '../support/settlements.ts';
import { change, delivery, reload } from './store-contract.ts';

t.test('a database of the first schema comes along with its incidents and deliveries', async (t) => {
  const directory = t.testdir();
  const path = join(directory, 'tocsin.db');
  const old = new DatabaseSync(path);
  old.exec(`${migrations[0]}; PRAGMA user_version = 1`);
  old.exec(`INSERT INTO monitors (id, name, version, status, frequency_ms, grace_ms, created_ms, incident_id,
      incident_started_ms, incident_reason, repeats, journal_id)
    VALUES (7, 'is down', 3, 'down', 60000, 0, 1, 'i-open', 10, 'missed', 0, 0),
      (8, 'is up', 1, 'up', 60000, 0, 1, NULL, NULL, NULL, 0, 0)`);
  old.exec(`INSERT INTO incidents (seq, id, monitor_id, reason, started_ms, ended_ms)
    VALUES (4, 'i-closed', 8, 'failed', 5, 6), (9, 'i-open', 7, 'missed', 10, NULL)`);
  const { notice } = delivery('');
  const insert =
    old.prepare(`INSERT INTO deliveries (seq, id, monitor_id, channel, notice, created_ms, attempts, claim_ms,
      leased, error, buried_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const add = (seq: number, id: string, monitorId: number, rest: (number | string | null)[]) =>
    insert.run(seq, id, monitorId, 'default', JSON.stringify(notice), tenMs, ...rest);
  add(3, 'given up', 7, [2, null, 0, 'gone', tenMs]);
  add(11, 'under way', 7, [0, tenMs + minuteMs, 1, '', null]);
  add(12, 'behind it', 7, [0, null, 0, '', null]);
  add(20, 'tried again', 8, [1, tenMs + 5_000, 0, 'refused', null]);
  old.close();

  const store = new SqliteStore(directory);
  t.teardown(() => store.close());
  const rows = (sql: string) => {
    const db = new DatabaseSync(path, { readOnly: true, timeout: 30_000 });
    const found = db
      .prepare(sql)
      .all()
      .map((row) => ({ ...row }));
    db.close();
    return found;
  };
  const details = { message: '', exit_code: null, held_by: '' };
  const both = [
    { seq: 4, id: 'i-closed', monitor_id: 8, reason: 'failed', started_ms: 5, ended_ms: 6, ...details },
    { seq: 9, id: 'i-open', monitor_id: 7, reason: 'missed', started_ms: 10, ended_ms: null, ...details },
  ];
  t.same(rows('SELECT * FROM incidents ORDER BY seq'), both);
  const down = await reload(store, 'is down');
  const up = { ...down, status: 'up' as const, incident: null };
  t.match(
    await store.commit([
      change(up, {
        incidents: [
          { id: 'i-open', reason: 'missed', startedMs: 10, message: '', exitCode: null, endedMs: 77, heldBy: '' },
        ],
      }),
    ]),
    [{ ok: true }],
  );
  t.same(
    rows('SELECT * FROM incidents ORDER BY seq'),
    [both[0], { ...both[1], ended_ms: 77 }],
    'the same one is closed',
  );

  t.match(await store.deliveries.stats(), { pending: 3, failing: 1, lastError: 'refused', buried: 1 });
  t.match(await store.deliveries.claim({ nowMs: tenMs, limit: 9, leaseMs: minuteMs }), [
    { seq: 11, id: 'under way', monitorId: 7, attempts: 0, createdMs: tenMs, notices: [notice] },
  ]);
  await store.deliveries.settle([sent(11)]);
  t.match(await store.deliveries.claim({ nowMs: tenMs, limit: 9, leaseMs: minuteMs }), [{ id: 'behind it' }]);
  t.equal(await store.deliveries.nextClaimMs(), tenMs + 5_000);
  t.match(await store.deliveries.claim({ nowMs: tenMs + 5_000, limit: 9, leaseMs: minuteMs }), [
    { id: 'tried again', attempts: 1 },
  ]);
});

t.test('deliveries of the version before digests come along', async (t) => {
  const directory = t.testdir();
  const version = migrations.findIndex((step) => step.includes('CREATE TABLE digests'));
  const old = new DatabaseSync(join(directory, 'tocsin.db'));
  old.exec(`${migrations.slice(0, version).join('; ')}; PRAGMA user_version = ${version}`);
  const insert =
    old.prepare(`INSERT INTO deliveries (seq, id, monitor_id, channel, created_ms, next_attempt_ms, attempts,
      error, buried_ms, notice) VALUES (?, ?, ?, 'default', ?, ?, ?, ?, ?, ?)`);
  const notice = JSON.stringify(delivery('').notice);
  insert.run(4, 'given up', 1, tenMs, tenMs, 3, 'gone', tenMs + 7, notice);
  insert.run(5, 'waits', 2, tenMs, tenMs, 0, '', null, notice);
  insert.run(6, 'tried', 3, tenMs, tenMs + 5_000, 2, 'refused', null, notice);
  old.close();

  const store = new SqliteStore(directory);
  t.teardown(() => store.close());
  const { deliveries } = store;
  t.match(await deliveries.stats(), { pending: 2, failing: 1, lastError: 'refused', buried: 1 });
  t.match(await deliveries.list({ channel: null, states: [], beforeSeq: null, limit: 9 }), [
    { seq: 6, id: 'tried', state: 'pending', nextAttemptMs: tenMs + 5_000 },
    { seq: 5, id: 'waits', state: 'pending', noticeCount: 1 },
    { seq: 4, id: 'given up', state: 'buried', settledMs: tenMs + 7, attempts: [{ detail: 'gone' }] },
  ]);
  t.same(await deliveries.waiting(tenMs), [], 'nobody knows whether it was attempted');
  t.equal(await deliveries.redeliver('given up', tenMs), 'done');
  t.match(await deliveries.claim({ nowMs: tenMs, limit: 9, leaseMs: minuteMs }), [
    { id: 'waits', attempts: 0 },
    { id: 'given up', attempts: 3 },
  ]);
});
