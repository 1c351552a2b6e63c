import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { BeatRecord } from '../../server/engine/domain/monitor.ts';
import { HistoryKeeper } from '../../server/store/history/history-keeper.ts';

const unlimited = { beatsPerMonitor: 1_000_000, beatsMaxAgeMs: Number.POSITIVE_INFINITY, bytesMax: 2 ** 40 };

/** All beats that a data directory holds, oldest first, those that are only in the journal yet included. */
export function storedBeats(directory: string): (BeatRecord & { monitorId: number })[] {
  const path = join(directory, 'history.db');
  const keeper = new HistoryKeeper({
    directory,
    path,
    databasePath: join(directory, 'tocsin.db'),
    sync: false,
    ...unlimited,
  });
  const end = { segment: Number.MAX_SAFE_INTEGER, bytes: Number.MAX_SAFE_INTEGER };
  while (keeper.take(end) > 0);
  keeper.close();
  const db = new DatabaseSync(path, { readOnly: true, timeout: 30_000 });
  try {
    const beats = db.prepare(
      `SELECT status, at_ms AS atMs, received_ms AS receivedMs, message, body, duration_ms AS durationMs,
         exit_code AS exitCode, run, beat_id AS beatId, coalesce(address, '') AS address,
         coalesce(user_agent, '') AS userAgent, monitor_id AS monitorId
       FROM beats LEFT JOIN sources ON sources.id = source ORDER BY beats.id`,
    );
    return beats.all() as unknown as (BeatRecord & { monitorId: number })[];
  } finally {
    db.close();
  }
}
