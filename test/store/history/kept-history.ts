import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Test } from 'tap';
import type { BeatRecord } from '../../../server/engine/domain/monitor.ts';
import { HistoryKeeper, type HistoryKeeperOptions } from '../../../server/store/history/history-keeper.ts';
import { FrameWriter } from '../../../server/store/journal/beat-frame.ts';
import { BeatJournal } from '../../../server/store/journal/beat-journal.ts';
import { migrations } from '../../../server/store/sqlite/migrations.ts';
import { beatRecord } from '../store-contract.ts';

export type BeatOf = Partial<BeatRecord> & { monitorId: number };

/** A journal and the history that is kept of it, without the thread in between. */
export class KeptHistory {
  keeper: HistoryKeeper;
  readonly path: string;
  /** `tocsin.db`. */
  readonly database: DatabaseSync;
  readonly #known = new Set<number>();
  readonly #options: HistoryKeeperOptions;
  readonly #journal: BeatJournal;
  readonly #writer = new FrameWriter();
  #nextId = 1;

  constructor(t: Test, directory: string, options: Partial<HistoryKeeperOptions> & { segmentBytes?: number } = {}) {
    const { segmentBytes = 50_000, ...rest } = options;
    mkdirSync(directory, { recursive: true });
    this.path = join(directory, 'history.db');
    const limits = { beatsPerMonitor: 1_000, beatsMaxAgeMs: Number.POSITIVE_INFINITY, bytesMax: 2 ** 30 };
    const databasePath = join(directory, 'tocsin.db');
    this.database = new DatabaseSync(databasePath);
    this.database.exec(
      `PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; ${migrations.join(';')}; PRAGMA user_version = ${migrations.length}`,
    );
    this.#options = { directory, path: this.path, databasePath, sync: false, ...limits, ...rest };
    this.#journal = new BeatJournal({ directory, sync: false, segmentBytes });
    this.keeper = new HistoryKeeper(this.#options);
    t.teardown(() => {
      this.keeper.close();
      this.#journal.close();
      this.database.close();
    });
  }

  /** Appends a frame; returns the id of its first beat. */
  append(beats: readonly BeatOf[]): number {
    const firstId = this.#nextId;
    for (const { monitorId } of beats) if (!this.#known.has(monitorId)) this.monitor({ id: monitorId });
    this.#writer.begin(firstId, { isFirst: this.#journal.isAtSegmentEnd });
    for (const { monitorId, ...beat } of beats) this.#writer.add(monitorId, beatRecord(beat), null);
    this.#journal.append(this.#writer.finish(0), firstId);
    this.#writer.stored();
    this.#nextId += beats.length;
    return firstId;
  }

  /** Makes a monitor. */
  monitor({ id, firstBeatMs = null, config = {} }: { id: number; firstBeatMs?: number | null; config?: object }): void {
    this.#known.add(id);
    this.database
      .prepare(
        `INSERT INTO monitors (id, name, version, status, frequency_ms, grace_ms, created_ms, journal_id,
           first_beat_ms, config)
         VALUES (?, ?, 1, 'up', 60000, 0, 0, 0, ?, ?)`,
      )
      .run(id, `job-${id}`, firstBeatMs, Object.keys(config).length === 0 ? null : JSON.stringify(config));
  }

  incident(monitorId: number, { fromMs, toMs }: { fromMs: number; toMs: number | null }): void {
    this.database
      .prepare("INSERT INTO incidents (id, monitor_id, reason, started_ms, ended_ms) VALUES ('i', ?, 'missed', ?, ?)")
      .run(monitorId, fromMs, toMs);
  }

  pause(monitorId: number, { fromMs, toMs }: { fromMs: number; toMs: number | null }): void {
    this.database
      .prepare('INSERT INTO pauses (monitor_id, from_ms, to_ms) VALUES (?, ?, ?)')
      .run(monitorId, fromMs, toMs);
  }

  blind({ fromMs, toMs }: { fromMs: number; toMs: number }): void {
    this.database.prepare('INSERT INTO blind_intervals (from_ms, to_ms) VALUES (?, ?)').run(fromMs, toMs);
  }

  /** Takes over what was appended: all of it, or so many batches. */
  take(batchesMax = Number.POSITIVE_INFINITY): void {
    const { end } = this.#journal;
    for (let n = 0; end && n < batchesMax && this.keeper.take(end) > 0; n++);
  }

  tidy(nowMs: number): void {
    while (this.keeper.tidy(nowMs));
  }

  /** As after kill -9: nothing is written at the end. */
  restart(options: Partial<HistoryKeeperOptions> = {}): void {
    this.keeper.close();
    this.keeper = new HistoryKeeper({ ...this.#options, ...options });
  }

  /** The file is lost. */
  loseHistory(): void {
    this.keeper.close();
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${this.path}${suffix}`, { force: true });
    this.keeper = new HistoryKeeper(this.#options);
  }

  query<Row>(sql: string): Row[] {
    const db = new DatabaseSync(this.path, { readOnly: true });
    try {
      return db.prepare(sql).all() as unknown as Row[];
    } finally {
      db.close();
    }
  }

  /** All beats of a monitor that can be read, as `atMs`, newest first. */
  times(monitorId: number, pageBeats = 1_000): number[] {
    const times: number[] = [];
    for (let beforeId: number | null = null; ; ) {
      const page = this.keeper.beats.list({ monitorId, beforeId, limit: pageBeats });
      times.push(...page.map(({ atMs }) => atMs));
      if (page.length < pageBeats) return times;
      beforeId = page.at(-1)!.id;
    }
  }
}
