import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { BlindInterval, Monitor } from '../../engine/domain/monitor.ts';
import {
  type Armed,
  type Change,
  type ChangeResult,
  type Loaded,
  type MonitorKey,
  type Store,
  StoreError,
} from '../store.ts';
import { Database } from './database.ts';
import { type MonitorRow, monitorColumns, monitorFromRow, monitorValues } from './monitor-row.ts';
import { lockDirectory } from './process-lock.ts';
import { SqliteDeliveryQueue } from './sqlite-delivery-queue.ts';

/** Blind intervals kept; a server that was interrupted more often has other troubles. */
const blindIntervalsMax = 1_000;

/** The embedded store: one SQLite file in `directory`, one process at a time. */
export class SqliteStore implements Store {
  readonly deliveries: SqliteDeliveryQueue;
  readonly #db: Database;
  readonly #lock: { release(): void };
  readonly #statements: ReturnType<typeof prepareStatements>;

  /**
   * Opens, creating what is missing.
   *
   * @param options.maxBytes bound on the database file; absent: the disk's.
   * @throws StoreError `locked` when another process uses the directory, `newer_schema`, `io`.
   */
  constructor(directory: string, options: { maxBytes?: number } = {}) {
    const lockPath = join(directory, 'lock.db');
    const path = join(directory, 'tocsin.db');
    prepareFiles(directory, [lockPath, path]);
    this.#lock = lockDirectory(lockPath, directory);
    try {
      this.#db = new Database(path, options);
      this.#statements = prepareStatements(this.#db);
    } catch (error) {
      this.#lock.release();
      throw error;
    }
    this.deliveries = new SqliteDeliveryQueue(this.#db);
  }

  async load(keys: MonitorKey[]): Promise<Loaded[]> {
    return this.#db.run(() => keys.map((key) => this.#loadOne(key)));
  }

  async commit(changes: Change[]): Promise<ChangeResult[]> {
    return this.#db.transaction(() => changes.map((change) => this.#commitOne(change)));
  }

  async scanArmed(afterId: number, limit: number): Promise<Armed[]> {
    return this.#db.run(() => this.#statements.scanArmed.all(afterId, limit) as unknown as Armed[]);
  }

  async list(options: { afterName: string; limit: number; onlyDown?: boolean }): Promise<Monitor[]> {
    const { afterName, limit, onlyDown } = options;
    const statement = onlyDown ? this.#statements.listDown : this.#statements.list;
    const rows = this.#db.run(() => statement.all(afterName, limit) as unknown as MonitorRow[]);
    return rows.map(monitorFromRow);
  }

  async countMonitors(options: { onlyDown?: boolean } = {}): Promise<number> {
    const statement = options.onlyDown ? this.#statements.countDown : this.#statements.count;
    return this.#db.run(() => (statement.get() as { n: number }).n);
  }

  async lastListening(): Promise<number | null> {
    return this.#db.run(() => (this.#statements.listening.get() as { at_ms: number } | undefined)?.at_ms ?? null);
  }

  async stampListening(atMs: number, blind: BlindInterval | null): Promise<void> {
    this.#db.transaction(() => {
      this.#statements.stamp.run(atMs);
      if (!blind) return;
      const { prolongBlind, addBlind } = this.#statements;
      if (Number(prolongBlind.run(blind.toMs, blind.fromMs, blind.fromMs).changes) === 1) return;
      addBlind.run(blind.fromMs, blind.toMs);
      this.#statements.trimBlind.run(blindIntervalsMax);
    });
  }

  async blindIntervals(afterMs: number): Promise<BlindInterval[]> {
    return this.#db.run(() => this.#statements.blinds.all(afterMs) as unknown as BlindInterval[]);
  }

  async trimHistory(keep: number, limit: number): Promise<number> {
    const { trimBeats, trimIncidents, trimBuried } = this.#statements;
    return this.#db.transaction(() => {
      let deleted = 0;
      for (const trim of [trimBeats, trimIncidents, trimBuried]) deleted += Number(trim.run(keep, limit).changes);
      return deleted;
    });
  }

  async close(): Promise<void> {
    this.#db.close();
    this.#lock.release();
  }

  #loadOne(key: MonitorKey): Loaded {
    const { byName, byId, beatById } = this.#statements;
    const row = ('id' in key ? byId.get(key.id) : byName.get(key.name)) as unknown as MonitorRow | undefined;
    if (!row) return { monitor: undefined, seenBeat: undefined };
    const beatId = 'id' in key ? undefined : key.beatId;
    const seenBeat = beatId ? (beatById.get(row.id, beatId) as { atMs: number } | undefined) : undefined;
    return { monitor: monitorFromRow(row), seenBeat };
  }

  #commitOne({ monitor, remove, beats, incidents, deliveries }: Change): ChangeResult {
    const id = this.#writeMonitor(monitor, remove);
    if (id === null) return { ok: false, reason: 'conflict' };
    const { insertBeat, putIncident } = this.#statements;
    for (const beat of beats) {
      const { status, atMs, receivedMs, message, durationMs, exitCode, run, beatId } = beat;
      insertBeat.run(id, status, atMs, receivedMs, message, durationMs, exitCode, run, beatId);
    }
    for (const { id: incidentId, reason, startedMs, endedMs } of incidents) {
      putIncident.run(incidentId, id, reason, startedMs, endedMs);
    }
    for (const delivery of deliveries) this.deliveries.add(id, delivery);
    return { ok: true, id, version: monitor.version + 1 };
  }

  /** The monitor's id, or null when the expected version is not the stored one. */
  #writeMonitor(monitor: Monitor, remove: boolean): number | null {
    const { insert, update, remove: removeRow } = this.#statements;
    if (remove) return Number(removeRow.run(monitor.id, monitor.version).changes) === 1 ? monitor.id : null;
    const values = monitorValues(monitor);
    if (monitor.id !== 0) {
      return Number(update.run(...values, monitor.id, monitor.version).changes) === 1 ? monitor.id : null;
    }
    const result = insert.run(monitor.name, ...values);
    return Number(result.changes) === 1 ? Number(result.lastInsertRowid) : null;
  }
}

/**
 * Creates what is missing, for its owner's eyes only; SQLite gives its other files the mode of the database. What exists
 * is not even opened: closing it again would drop the lock that this process may hold on it.
 */
function prepareFiles(directory: string, paths: string[]): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const path of paths) createFile(path);
  } catch (cause) {
    const text = `the data directory ${directory} cannot be used (${(cause as Error).message})`;
    throw new StoreError('io', text, { cause });
  }
}

function createFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function prepareStatements(db: Database) {
  const set = monitorColumns.map((column) => `${column} = ?`).join(', ');
  const trim = (table: string, key: string, condition: string) =>
    `DELETE FROM ${table} WHERE ${key} IN (SELECT ${key} FROM ${table}
      WHERE ${key} <= (SELECT max(${key}) FROM ${table}) - ? AND ${condition} ORDER BY ${key} LIMIT ?)`;
  return {
    byName: db.prepare("SELECT * FROM monitors WHERE kind = 'ping' AND name = ?"),
    byId: db.prepare('SELECT * FROM monitors WHERE id = ?'),
    beatById: db.prepare('SELECT at_ms AS atMs FROM beats WHERE monitor_id = ? AND beat_id = ?'),
    insert: db.prepare(
      `INSERT INTO monitors (name, version, ${monitorColumns.join(', ')})
       VALUES (?, 1, ${monitorColumns.map(() => '?').join(', ')}) ON CONFLICT (kind, name) DO NOTHING`,
    ),
    update: db.prepare(`UPDATE monitors SET version = version + 1, ${set} WHERE id = ? AND version = ?`),
    remove: db.prepare('DELETE FROM monitors WHERE id = ? AND version = ?'),
    insertBeat: db.prepare(
      `INSERT INTO beats (monitor_id, status, at_ms, received_ms, message, duration_ms, exit_code, run, beat_id)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    putIncident: db.prepare(
      `INSERT INTO incidents (id, monitor_id, reason, started_ms, ended_ms) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET ended_ms = excluded.ended_ms`,
    ),
    scanArmed: db.prepare(
      `SELECT id, CASE status WHEN 'down' THEN repeat_ms ELSE coalesce(hold_until_ms, deadline_ms) END AS wakeMs
       FROM monitors WHERE id > ? AND wakeMs IS NOT NULL ORDER BY id LIMIT ?`,
    ),
    list: db.prepare("SELECT * FROM monitors WHERE kind = 'ping' AND name > ? ORDER BY name LIMIT ?"),
    listDown: db.prepare(
      "SELECT * FROM monitors WHERE kind = 'ping' AND status = 'down' AND name > ? ORDER BY name LIMIT ?",
    ),
    count: db.prepare('SELECT count(*) AS n FROM monitors'),
    countDown: db.prepare("SELECT count(*) AS n FROM monitors WHERE kind = 'ping' AND status = 'down'"),
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
    trimBeats: db.prepare(trim('beats', 'id', 'TRUE')),
    trimIncidents: db.prepare(trim('incidents', 'seq', 'ended_ms IS NOT NULL')),
    trimBuried: db.prepare(trim('deliveries', 'seq', 'buried_ms IS NOT NULL')),
  };
}
