import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { plainConfig } from '../../server/engine/domain/monitor-config.ts';
import { newMonitor } from '../../server/engine/domain/new-monitor.ts';
import { dayMs, dayOf } from '../../server/engine/domain/spent-time.ts';
import { addDuration, encodeDurations, noDurations } from '../../server/store/history/duration-stats.ts';
import { inTransaction, openHistory } from '../../server/store/history/history-database.ts';
import { HistoryKeeper } from '../../server/store/history/history-keeper.ts';
import { type Cell, MultiRow } from '../../server/store/history/multi-row.ts';
import { SqliteStore } from '../../server/store/sqlite/sqlite-store.ts';
import { randomNumbers } from '../load/random-numbers.ts';
import { monitorName } from '../monitor-names.ts';

export type HistorySeed = {
  /** Where no server has been yet. */
  dataDir: string;
  monitors: number;
  /** Days before today. */
  days: number;
  /** Rows of beats of each monitor; the counts of days are those of one beat in ten minutes. */
  beatsPerMonitor: number;
  incidentsPerMonitor: number;
  /** Unix ms. */
  nowMs: number;
};

const beatsPerDay = 144;
const batchMonitors = 1_000;
const batchRows = 20_000;

/**
 * Makes a data directory with monitors 0 to `monitors` - 1, all up, and a history as if they had been pinged every ten
 * minutes for so many days: days, beats and incidents. A server that starts in it goes on from there.
 */
export async function seedHistory(seed: HistorySeed): Promise<void> {
  const ids = await makeMonitors(seed);
  seedDatabase(seed, ids);
  const keeperOptions = {
    directory: seed.dataDir,
    path: join(seed.dataDir, 'history.db'),
    databasePath: join(seed.dataDir, 'tocsin.db'),
    sync: false,
    beatsPerMonitor: seed.beatsPerMonitor,
    beatsMaxAgeMs: 2 * seed.days * dayMs,
    bytesMax: 2 ** 40,
  };
  const history = openHistory(keeperOptions);
  seedBeats(history, seed, ids);
  seedCounts(history, seed, ids);
  history.close();
  const keeper = new HistoryKeeper(keeperOptions);
  while (keeper.tidy(seed.nowMs));
  keeper.close();
}

/** Returns their ids, by number. */
async function makeMonitors({ dataDir, monitors, days, nowMs }: HistorySeed): Promise<number[]> {
  const store = new SqliteStore(dataDir);
  const ids: number[] = [];
  const frequencyMs = 20 * dayMs;
  const firstBeatMs = nowMs - days * dayMs;
  for (let from = 0; from < monitors; from += batchMonitors) {
    const count = Math.min(batchMonitors, monitors - from);
    const changes = Array.from({ length: count }, (_, index) => {
      const fresh = newMonitor(monitorName(from + index), firstBeatMs, {
        config: plainConfig,
        frequencyMs,
        graceMs: 0,
      });
      const heard = { firstBeatMs, lastBeatMs: nowMs, dueMs: nowMs + frequencyMs, deadlineMs: nowMs + frequencyMs };
      const monitor = { ...fresh, status: 'up' as const, ...heard };
      return { monitor, remove: false, beats: [], incidents: [], pauses: [], deliveries: [] };
    });
    for (const result of await store.commit(changes)) if (result.ok) ids.push(result.id);
  }
  await store.close();
  return ids;
}

/** Incidents of some minutes, and what makes the server take the beats of the history for its own. */
function seedDatabase(seed: HistorySeed, ids: readonly number[]): void {
  const { dataDir, days, incidentsPerMonitor, monitors, beatsPerMonitor, nowMs } = seed;
  const db = new DatabaseSync(join(dataDir, 'tocsin.db'));
  const random = randomNumbers({ from: 0, count: 2 ** 32 });
  const rows = new MultiRow(db, 'INSERT INTO incidents (id, monitor_id, reason, started_ms, ended_ms)', 5);
  inTransaction(db, () => {
    for (let n = 0; n < incidentsPerMonitor; n++) {
      const fromMs = nowMs - days * dayMs + Math.floor((n * days * dayMs) / incidentsPerMonitor);
      rows.run(
        ids.map((id) => {
          const startedMs = fromMs + (random() % (dayMs / 2));
          return [`i-${id}-${n}`, id, 'missed', startedMs, startedMs + 60_000 + (random() % 3_600_000)];
        }),
      );
    }
    db.prepare('UPDATE journal SET written_up_to = ?').run(monitors * beatsPerMonitor);
    db.prepare('INSERT INTO listening (one, at_ms) VALUES (1, ?)').run(nowMs);
  });
  db.close();
}

/** The newest beats of each monitor, in the order in which they would have come. */
function seedBeats(db: DatabaseSync, { monitors, beatsPerMonitor, nowMs }: HistorySeed, ids: readonly number[]): void {
  const columns = 'id, monitor_id, status, at_ms, received_ms, seq, previous, source, message, body';
  const rows = new MultiRow(db, `INSERT INTO beats (${columns})`, 10);
  const body = Buffer.alloc(120, 'output of the job\n');
  for (let seq = 1; seq <= beatsPerMonitor; seq++) {
    const atMs = nowMs - (beatsPerMonitor - seq) * (dayMs / beatsPerDay);
    const batch: Cell[][] = ids.map((monitorId, n) => {
      const id = (seq - 1) * monitors + n + 1;
      const previous = seq === 1 ? 0 : id - monitors;
      return [id, monitorId, 'ok', atMs, atMs, seq, previous, 1, '', n % 10 === 0 ? body : null];
    });
    inTransaction(db, () => rows.run(batch));
  }
  const last = beatsPerMonitor - 1;
  inTransaction(db, () => {
    const heads = new MultiRow(db, 'INSERT INTO heads (monitor_id, last_id, beats)', 3);
    heads.run(ids.map((monitorId, n) => [monitorId, last * monitors + n + 1, beatsPerMonitor]));
    db.prepare('INSERT INTO sources VALUES (1, ?, ?, ?)').run('10.0.0.1', 'curl/8', dayOf(nowMs));
    db.prepare('UPDATE taken SET linked_up_to = ?, beats = ?').run(
      monitors * beatsPerMonitor,
      monitors * beatsPerMonitor,
    );
  });
}

/** Beats, failures and durations of each day. How it was spent comes when it is closed. */
function seedCounts(db: DatabaseSync, { days, nowMs }: HistorySeed, ids: readonly number[]): void {
  const rows = new MultiRow(db, 'INSERT INTO days (day, monitor_id, beats, failures, durations)', 5);
  const stats = noDurations();
  for (let n = 0; n < beatsPerDay; n++) addDuration(stats, 1_000 + n * 30);
  const durations = encodeDurations(stats);
  const today = dayOf(nowMs);
  for (let day = today - days; day <= today; day++) {
    for (let from = 0; from < ids.length; from += batchRows) {
      const some = ids.slice(from, from + batchRows);
      inTransaction(db, () => rows.run(some.map((id) => [day, id, beatsPerDay, id % 7 === 0 ? 1 : 0, durations])));
    }
  }
}
