import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { BeatRecord } from '../../server/engine/domain/monitor.ts';
import { HistoryWriter } from '../../server/store/history/history-writer.ts';

/** All beats that a data directory holds, oldest first, those that are only in the journal yet included. */
export function storedBeats(directory: string): (BeatRecord & { monitorId: number })[] {
  const path = join(directory, 'history.db');
  const writer = new HistoryWriter({ directory, path, sync: false, beatsMax: 1_000_000 });
  writer.takeUpTo({ segment: Number.MAX_SAFE_INTEGER, bytes: Number.MAX_SAFE_INTEGER });
  writer.close();
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    const beats = db.prepare(
      `SELECT status, at_ms AS atMs, received_ms AS receivedMs, message, duration_ms AS durationMs,
         exit_code AS exitCode, run, beat_id AS beatId, monitor_id AS monitorId FROM beats ORDER BY id`,
    );
    return beats.all() as unknown as (BeatRecord & { monitorId: number })[];
  } finally {
    db.close();
  }
}
