import { DatabaseSync } from 'node:sqlite';

/** The schema of the history, a step a version, as in `sqlite/migrations.ts`. */
export const historyMigrations: readonly string[] = [
  `
  CREATE TABLE beats (
    id INTEGER PRIMARY KEY,
    monitor_id INTEGER NOT NULL,
    status TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    message TEXT NOT NULL,
    duration_ms INTEGER,
    exit_code INTEGER,
    run TEXT NOT NULL,
    beat_id TEXT NOT NULL
  ) STRICT;
  -- Only beats that carry an id are looked up; the others pay nothing for the index.
  CREATE INDEX beats_by_beat_id ON beats (monitor_id, beat_id) WHERE beat_id <> '';

  -- How far the journal has been taken over.
  CREATE TABLE taken (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    segment INTEGER NOT NULL,
    bytes INTEGER NOT NULL
  ) STRICT;
  INSERT INTO taken VALUES (1, 0, 0);
  `,
  `
  -- The beats of a monitor are a chain: an index would be written at random pages with each of them.
  CREATE TABLE new_beats (
    id INTEGER PRIMARY KEY,
    monitor_id INTEGER NOT NULL,
    status TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    seq INTEGER NOT NULL,                      -- number among the beats of its monitor, from 1 on
    previous INTEGER NOT NULL,                 -- id of its monitor's beat before; 0: it was the first
    source INTEGER NOT NULL DEFAULT 0,         -- 0: not known
    message TEXT NOT NULL DEFAULT '',
    duration_ms INTEGER,
    exit_code INTEGER,
    run TEXT NOT NULL DEFAULT '',
    beat_id TEXT NOT NULL DEFAULT '',
    body BLOB
  ) STRICT;
  INSERT INTO new_beats (id, monitor_id, status, at_ms, received_ms, seq, previous, message, duration_ms, exit_code, run,
      beat_id)
    SELECT id, monitor_id, status, at_ms, received_ms, row_number() OVER monitor, coalesce(lag(id) OVER monitor, 0),
      message, duration_ms, exit_code, run, beat_id
    FROM beats WINDOW monitor AS (PARTITION BY monitor_id ORDER BY id) ORDER BY id;
  DROP TABLE beats;
  ALTER TABLE new_beats RENAME TO beats;
  CREATE INDEX beats_by_beat_id ON beats (monitor_id, beat_id) WHERE beat_id <> '';

  CREATE TABLE sources (
    id INTEGER PRIMARY KEY,                    -- see journal/source-ids.ts
    address TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    last_day INTEGER NOT NULL                  -- of the newest beat that came from it
  ) STRICT;

  -- The newest beat of each monitor, and how many it had, up to the beat taken.linked_up_to.
  CREATE TABLE heads (
    monitor_id INTEGER PRIMARY KEY,
    last_id INTEGER NOT NULL,
    beats INTEGER NOT NULL
  ) STRICT;

  -- A day of a monitor, UTC, counted from 1970. By day first: what is written together is together.
  CREATE TABLE days (
    day INTEGER NOT NULL,
    monitor_id INTEGER NOT NULL,
    beats INTEGER NOT NULL,                    -- up to the beat taken.linked_up_to
    failures INTEGER NOT NULL,
    durations BLOB,                            -- see duration-stats.ts
    -- From the monitor's first day to the end of this one, so that any span is one difference. NULL: not closed yet.
    up_ms INTEGER,
    down_ms INTEGER,
    unknown_ms INTEGER,
    PRIMARY KEY (day, monitor_id)
  ) STRICT, WITHOUT ROWID;

  ALTER TABLE taken ADD COLUMN linked_up_to INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE taken ADD COLUMN beats INTEGER NOT NULL DEFAULT 0;         -- rows of that table
  ALTER TABLE taken ADD COLUMN surplus INTEGER NOT NULL DEFAULT 0;       -- of them, those beyond their monitor's newest
  ALTER TABLE taken ADD COLUMN closed_day INTEGER;                       -- days up to it are closed
  UPDATE taken SET beats = (SELECT count(*) FROM beats);
  `,
];

/**
 * Opens the history, creating it when it is missing. `sync`: each commit survives a power cut.
 *
 * @throws Error of SQLite, or when a newer version wrote it.
 */
export function openHistory({ path, sync }: { path: string; sync: boolean }): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: 5_000 });
  try {
    // Of a new file: what is deleted can be given back to the disk.
    db.exec('PRAGMA auto_vacuum = INCREMENTAL');
    db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${sync ? 'FULL; PRAGMA fullfsync = 1' : 'NORMAL'}`);
    db.exec('BEGIN IMMEDIATE');
    const { user_version: version } = db.prepare('PRAGMA user_version').get() as { user_version: number };
    if (version > historyMigrations.length) {
      throw new Error(`${path} has schema version ${version}, this server knows up to ${historyMigrations.length}`);
    }
    for (let from = version; from < historyMigrations.length; from++) {
      db.exec(`${historyMigrations[from]}; PRAGMA user_version = ${from + 1}`);
    }
    db.exec('COMMIT');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** All of `work`, or nothing of it. */
export function inTransaction<T>(db: DatabaseSync, work: () => T): T {
  db.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

/**
 * Begins anew with the journal, which knows of no beat after `journalId`: what is behind it goes, and what the journal
 * still holds is taken over again as far as it is missing. The counts of days keep what they counted.
 */
export function forgetBeatsBehind(db: DatabaseSync, journalId: number): void {
  inTransaction(db, () => {
    db.prepare('DELETE FROM beats WHERE id > ?').run(journalId);
    db.exec('UPDATE taken SET segment = 0, bytes = 0, beats = (SELECT count(*) FROM beats)');
    if (db.prepare('SELECT 1 FROM taken WHERE linked_up_to > ?').get(journalId) === undefined) return;
    db.prepare('UPDATE taken SET linked_up_to = ?').run(journalId);
    // Of an aggregate with max(), the other columns are those of its row.
    db.exec(`DELETE FROM heads; INSERT INTO heads SELECT monitor_id, max(id), seq FROM beats GROUP BY monitor_id`);
  });
}
