import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t, { type Test } from 'tap';
import type { Monitor } from '../../../server/engine/domain/monitor.ts';
import { SqliteStore, type SqliteStoreOptions } from '../../../server/store/sqlite/sqlite-store.ts';
import { temporaryDirectory } from '../../support/running-server.ts';
import { storedBeats } from '../../support/stored-beats.ts';
import { beatRecord, change, create, fresh } from '../store-contract.ts';

const small = { segmentBytes: 2_000, behindBytes: 500, bytesMax: 1_000_000 };

/** A store with one monitor that is pinged. */
class Pinged {
  store: SqliteStore;
  readonly #directory: string;
  readonly #options: SqliteStoreOptions;
  #monitor: Monitor | undefined;
  #beats = 0;

  constructor(t: Test, directory: string, options: SqliteStoreOptions = {}) {
    this.#directory = directory;
    this.#options = { journal: small, sweepBytes: 2_000, ...options };
    this.store = new SqliteStore(directory, this.#options);
    t.teardown(() => this.store.close());
  }

  async beats(count: number, { message = '' } = {}): Promise<void> {
    this.#monitor ??= (await create(this.store, fresh({ name: 'job' })))[0]!;
    for (let n = 0; n < count; n++) {
      const atMs = ++this.#beats * 1_000;
      const { frequencyMs, graceMs } = this.#monitor;
      const heard = { lastBeatMs: atMs, dueMs: atMs + frequencyMs, deadlineMs: atMs + frequencyMs + graceMs };
      const next: Monitor = { ...this.#monitor, status: 'up', ...heard };
      const beats = [beatRecord({ atMs, message, beatId: `b-${this.#beats}` })];
      const [result] = await this.store.commit([change(next, { beats })]);
      if (!result?.ok) throw new Error('conflict');
      this.#monitor = { ...next, version: result.version };
      await this.store.writeBehind();
    }
  }

  async seen(n: number): Promise<boolean> {
    const [loaded] = await this.store.load([{ name: 'job', beatId: `b-${n}` }]);
    if (loaded?.seenBeat && loaded.seenBeat.atMs !== n * 1_000) throw new Error(`beat ${n} has another time`);
    return loaded?.seenBeat !== undefined;
  }

  async reopen(): Promise<void> {
    await this.store.close();
    this.store = new SqliteStore(this.#directory, this.#options);
    this.#monitor = (await this.store.load([{ name: 'job' }]))[0]!.monitor;
  }

  /** Beats now and then until something is true that the thread does: it runs in real time. */
  async until(condition: () => boolean): Promise<void> {
    for (const startMs = performance.now(); !condition(); ) {
      if (performance.now() - startMs > 60_000) throw new Error('it does not come');
      await this.beats(1);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  get count(): number {
    return this.#beats;
  }
}

const segments = (directory: string) => readdirSync(directory).filter((file) => file.startsWith('beats-')).length;

/** Beats in the history; 0 while it is being made. */
function historyRows(directory: string): number {
  if (!existsSync(join(directory, 'history.db'))) return 0;
  const db = new DatabaseSync(join(directory, 'history.db'), { readOnly: true, timeout: 30_000 });
  try {
    const isMade = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'taken'").get();
    return isMade ? (db.prepare('SELECT count(*) AS n FROM beats').get() as { n: number }).n : 0;
  } finally {
    db.close();
  }
}

t.test('beats go from the journal into the history, each once, whenever the server stops', async (t) => {
  const directory = await temporaryDirectory(t);
  const pinged = new Pinged(t, directory);
  for (let round = 0; round < 6; round++) {
    await pinged.beats(90 + round * 7);
    await pinged.reopen();
    for (const n of [1, Math.floor(pinged.count / 2), pinged.count]) t.ok(await pinged.seen(n), `beat ${n}`);
    t.notOk(await pinged.seen(pinged.count + 1));
  }
  const rows = historyRows(directory);
  t.ok(rows > 100, `${rows} of ${pinged.count} were taken over meanwhile`);
  t.ok(segments(directory) < (pinged.count * 60) / small.segmentBytes, 'journal that is not needed is gone');
  await pinged.store.close();
  t.same(
    storedBeats(directory).map(({ atMs }) => atMs),
    Array.from({ length: pinged.count }, (_, index) => (index + 1) * 1_000),
  );
});

t.test('without the history pings go on, the journal stays bounded, and it is said', async (t) => {
  const directory = await temporaryDirectory(t);
  const problems: string[] = [];
  const onHistoryProblem = (problem: string) => void problems.push(problem);
  const journal = { ...small, bytesMax: 20_000 };
  const pinged = new Pinged(t, directory, { journal, onHistoryProblem });
  await pinged.until(() => historyRows(directory) > 0);
  const thief = new DatabaseSync(join(directory, 'history.db'), { timeout: 30_000 });
  thief.exec('DROP TABLE taken');
  // What the thread cannot do, and in time what is lost by it.
  await pinged.until(() => problems.some((problem) => /no such table: taken/.test(problem)));
  await pinged.beats(2_000);
  await pinged.until(() => segments(directory) < 20);
  await pinged.until(() => problems.some((problem) => /too far behind: beats from \d+ on were dropped/.test(problem)));
  thief.close();
});

t.test('a history that is gone, or ahead of the journal, begins anew', async (t) => {
  const directory = await temporaryDirectory(t);
  const pinged = new Pinged(t, directory);
  await pinged.beats(300);
  await pinged.store.close();
  for (const file of readdirSync(directory)) if (file.startsWith('history.db')) rmSync(join(directory, file));
  await pinged.reopen();
  await pinged.beats(1);
  t.ok(await pinged.seen(301));
  await pinged.store.close();
  storedBeats(directory);
  for (const file of readdirSync(directory)) if (file.startsWith('beats-')) rmSync(join(directory, file));
  await pinged.reopen();
  await pinged.beats(100);
  await pinged.store.close();
  const times = storedBeats(directory).map(({ atMs }) => atMs);
  t.same(
    times.slice(-101),
    Array.from({ length: 101 }, (_, index) => (301 + index) * 1_000),
  );
});

t.test('days are closed when time goes on, and only then', async (t) => {
  const directory = await temporaryDirectory(t);
  const pinged = new Pinged(t, directory);
  const dayMs = 86_400_000;
  const closedDay = () => {
    if (!existsSync(join(directory, 'history.db'))) return null;
    const db = new DatabaseSync(join(directory, 'history.db'), { readOnly: true, timeout: 30_000 });
    try {
      return (db.prepare('SELECT closed_day AS day FROM taken').get() as { day: number | null }).day;
    } finally {
      db.close();
    }
  };
  const read = () => pinged.store.listDays({ monitorId: 1, fromDay: 0, toDay: 99, nowMs: 20 * dayMs });
  await pinged.store.stampListening(5 * dayMs, null);
  await pinged.beats(3);
  await read();
  t.equal(closedDay(), null, 'none of those before it was there');
  await pinged.store.stampListening(9 * dayMs + 2 * 3_600_000, null);
  await pinged.until(() => closedDay() === 8);
  await pinged.reopen();
  await read();
  await pinged.beats(100);
  await read();
  t.equal(closedDay(), 8, 'what time it is is not known yet');
  await pinged.store.stampListening(12 * dayMs + 2 * 3_600_000, null);
  await pinged.until(() => closedDay() === 11);
});

t.test('a journal of large beats is bounded as well', async (t) => {
  const directory = await temporaryDirectory(t);
  const journal = { segmentBytes: 100_000, behindBytes: 50_000, bytesMax: 2_000_000 };
  const pinged = new Pinged(t, directory, { journal, sweepBytes: 300_000 });
  await pinged.beats(600, { message: 'x'.repeat(9_000) });
  await pinged.until(() => segments(directory) < 20);
  t.ok(await pinged.seen(pinged.count));
});
