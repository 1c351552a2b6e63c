import type { StatementSync } from 'node:sqlite';
import type { Database } from './database.ts';
import { monitorColumns } from './monitor-row.ts';

/** The statements of the store, prepared once. */
export type Statements = ReturnType<typeof prepareStatements>;

export function prepareStatements(db: Database) {
  const set = monitorColumns.map((column) => `${column} = ?`).join(', ');
  const trim = (table: string, key: string, condition: string) =>
    `DELETE FROM ${table} WHERE ${key} IN (SELECT ${key} FROM ${table}
      WHERE ${key} <= (SELECT max(${key}) FROM ${table}) - ? AND ${condition} ORDER BY ${key} LIMIT ?)`;
  return {
    countMonitors: db.prepare('SELECT count(*) AS monitors FROM monitors'),
    // Arrays instead of objects, page by page: a third of the time at a million monitors.
    monitorsFrom: asArrays(
      db.prepare(
        `SELECT id, name, version, status, frequency_ms, grace_ms, created_ms, last_beat_ms, due_ms, deadline_ms,
           journal_id, first_beat_ms
         FROM monitors WHERE id > ? ORDER BY id LIMIT ?`,
      ),
    ),
    rareMonitors: db.prepare(
      `SELECT * FROM monitors WHERE incident_id IS NOT NULL OR hold_until_ms IS NOT NULL
         OR config IS NOT NULL OR progress IS NOT NULL`,
    ),
    insert: db.prepare(
      `INSERT INTO monitors (id, name, ${monitorColumns.join(', ')})
       VALUES (?, ?, ${monitorColumns.map(() => '?').join(', ')})`,
    ),
    update: db.prepare(`UPDATE monitors SET ${set} WHERE id = ?`),
    // What a plain beat leaves (see `movedByBeat`): half the work of writing every column.
    move: db.prepare(
      `UPDATE monitors SET version = ?, status = 'up', frequency_ms = ?, grace_ms = ?, last_beat_ms = ?, due_ms = ?,
         deadline_ms = ?, hold_until_ms = NULL, hold_blind_from_ms = NULL, hold_blind_to_ms = NULL, progress = NULL,
         journal_id = ?
       WHERE id = ?`,
    ),
    remove: db.prepare('DELETE FROM monitors WHERE id = ?'),
    addIncident: db.prepare(
      `INSERT INTO incidents (id, monitor_id, reason, started_ms, ended_ms, message, exit_code, held_by)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    // An open one is found by its monitor: ids have no index.
    updateIncident: db.prepare(
      // Because of what an alert was held stays, when it has been said and the incident ends.
      `UPDATE incidents SET ended_ms = ?1, held_by = iif(?2 = '', held_by, ?2)
       WHERE monitor_id = ?3 AND ended_ms IS NULL AND id = ?4`,
    ),
    addPause: db.prepare('INSERT INTO pauses (monitor_id, from_ms, to_ms) VALUES (?, ?, NULL)'),
    endPause: db.prepare(
      `UPDATE pauses SET to_ms = ?
       WHERE seq = (SELECT max(seq) FROM pauses WHERE monitor_id = ?) AND to_ms IS NULL`,
    ),
    removePauses: db.prepare('DELETE FROM pauses WHERE monitor_id = ?'),
    addTag: db.prepare('INSERT OR REPLACE INTO monitor_tags (tag, name, monitor_id) VALUES (?, ?, ?)'),
    removeTags: db.prepare('DELETE FROM monitor_tags WHERE monitor_id = ?'),
    journalBounds: db.prepare(
      `SELECT written_up_to AS writtenUpTo, transaction_id AS "transaction",
         coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'monitors'), 0) AS lastId
       FROM journal`,
    ),
    setTransaction: db.prepare('UPDATE journal SET transaction_id = ?'),
    setWrittenUpTo: db.prepare('UPDATE journal SET written_up_to = ?'),
    idsFrom: asArrays(db.prepare('SELECT id FROM monitors WHERE id > ? ORDER BY id LIMIT ?')),
    listening: db.prepare('SELECT at_ms FROM listening'),
    stamp: db.prepare(
      'INSERT INTO listening (one, at_ms) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET at_ms = excluded.at_ms',
    ),
    prolongBlind: db.prepare(
      `UPDATE blind_intervals SET to_ms = max(to_ms, ?)
       WHERE id = (SELECT max(id) FROM blind_intervals) AND from_ms <= ? AND to_ms >= ?`,
    ),
    addBlind: db.prepare('INSERT INTO blind_intervals (from_ms, to_ms) VALUES (?, ?)'),
    trimBlind: db.prepare('DELETE FROM blind_intervals WHERE id <= (SELECT max(id) FROM blind_intervals) - ?'),
    blinds: db.prepare(
      'SELECT from_ms AS fromMs, to_ms AS toMs FROM blind_intervals WHERE to_ms > ? ORDER BY to_ms, id',
    ),
    trimIncidents: db.prepare(trim('incidents', 'seq', 'ended_ms IS NOT NULL')),
    trimPauses: db.prepare(trim('pauses', 'seq', 'to_ms IS NOT NULL')),
  };
}

function asArrays(statement: StatementSync): StatementSync {
  statement.setReturnArrays(true);
  return statement;
}
