import { DatabaseSync } from 'node:sqlite';

/** The schema of the history, a step a version, as in `sqlite/migrations.ts`. */
const migrations: readonly string[] = [
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
];

/**
 * Opens the history, creating it when it is missing. `sync`: each commit survives a power cut.
 *
 * @throws Error of SQLite, or when a newer version wrote it.
 */
export function openHistory({ path, sync }: { path: string; sync: boolean }): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: 5_000 });
  try {
    db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${sync ? 'FULL; PRAGMA fullfsync = 1' : 'NORMAL'}`);
    db.exec('BEGIN IMMEDIATE');
    const { user_version: version } = db.prepare('PRAGMA user_version').get() as { user_version: number };
    if (version > migrations.length) {
      throw new Error(`${path} has schema version ${version}, this server knows up to ${migrations.length}`);
    }
    for (let from = version; from < migrations.length; from++) {
      db.exec(`${migrations[from]}; PRAGMA user_version = ${from + 1}`);
    }
    db.exec('COMMIT');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
