import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import t from 'tap';
import type { Monitor } from '../../server/engine/domain/monitor.ts';
import { plainConfig } from '../../server/engine/domain/monitor-config.ts';
import { noProgress } from '../../server/engine/domain/progress.ts';
import { migrations } from '../../server/store/sqlite/migrations.ts';
import { SqliteStore } from '../../server/store/sqlite/sqlite-store.ts';
import { temporaryDirectory } from '../support/running-server.ts';
import { storedBeats } from '../support/stored-beats.ts';
import { beatRecord, change, delivery } from './store-contract.ts';

const startMs = Date.UTC(2026, 0, 1);

const beatAt = (atMs: number, status: 'ok' | 'log' | 'fail' | 'start' = 'ok') =>
  beatRecord({ status, atMs, receivedMs: atMs });

const heardAt = (monitor: Monitor, atMs: number, frequencyMs: number): Monitor => ({
  ...monitor,
  status: 'up',
  frequencyMs,
  firstBeatMs: monitor.firstBeatMs ?? atMs,
  lastBeatMs: atMs,
  dueMs: atMs + frequencyMs,
  deadlineMs: atMs + frequencyMs + monitor.graceMs,
  hold: null,
  incident: null,
  progress: noProgress,
});

const fresh = (name: string): Monitor => ({
  id: 0,
  version: 0,
  name,
  status: 'new',
  frequencyMs: 60_000,
  graceMs: 5_000,
  config: plainConfig,
  createdMs: startMs,
  firstBeatMs: null,
  lastBeatMs: null,
  dueMs: null,
  deadlineMs: null,
  hold: null,
  incident: null,
  progress: noProgress,
});

type Step = {
  kind: 'ok' | 'log' | 'start' | 'down' | 'set' | 'pause' | 'remove' | 'sweep' | 'trim' | 'reopen';
  name: string;
};

const steps = fc.array(
  fc.record({
    kind: fc.oneof(
      { weight: 12, arbitrary: fc.constant('ok' as const) },
      { weight: 6, arbitrary: fc.constant('sweep' as const) },
      { weight: 1, arbitrary: fc.constantFrom<Step['kind']>('log', 'down', 'remove', 'trim', 'reopen') },
      { weight: 2, arbitrary: fc.constantFrom<Step['kind']>('start', 'set', 'pause') },
    ),
    name: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'),
  }),
  { minLength: 20, maxLength: 160 },
);

t.test('rows, journal and memory always tell the same, wherever the process dies', async (t) => {
  const directory = await temporaryDirectory(t);
  let run = 0;
  await fc.assert(
    fc.asyncProperty(steps, async (story) => {
      run += 1;
      const path = join(directory, String(run));
      const open = () => new SqliteStore(path, { sweepBytes: 600 });
      let store = open();
      const model = new Map<string, Monitor>();
      let atMs = startMs;
      for (const { kind, name } of story) {
        atMs += 1_000;
        const known = model.get(name);
        if (kind === 'sweep') await store.writeBehind();
        else if (kind === 'trim') await store.trimHistory(3, 100);
        else if (kind === 'reopen') {
          await store.close();
          store = open();
        } else if (known || kind === 'ok') {
          const before = known ?? fresh(name);
          const incident = {
            id: `${name}-${atMs}`,
            startedMs: atMs,
            reason: 'failed' as const,
            message: '',
            exitCode: null,
          };
          const closes = before.incident ? [{ ...before.incident, endedMs: atMs, heldBy: '' }] : [];
          const begins = before.progress.pause ? [] : [{ fromMs: atMs, toMs: null }];
          const ends = before.progress.pause ? [{ fromMs: before.progress.pause.sinceMs, toMs: atMs }] : [];
          const runs = [{ id: 'r', startedMs: atMs, limitMs: atMs + 5, blind: null }];
          const pause = { sinceMs: before.progress.pause?.sinceMs ?? atMs, untilMs: null, untilPing: true };
          const next = {
            ok: () => {
              const heard = heardAt(before, atMs, 60_000 + (atMs % 7));
              return change(heard, { beats: [beatAt(atMs)], incidents: closes, pauses: ends });
            },
            // What the next ok ends without a word: its row says so, or the journal does.
            start: () =>
              change({ ...before, progress: { ...before.progress, runs } }, { beats: [beatAt(atMs, 'start')] }),
            set: () => {
              const cron = { expression: '0 3 * * *', timeZone: 'UTC' };
              const config = { ...plainConfig, origin: 'api' as const, tags: [name], cron, pingId: `${name}-${atMs}` };
              return change({ ...before, config: before.config === plainConfig ? config : plainConfig });
            },
            pause: () =>
              change(
                { ...before, status: 'paused', incident: null, progress: { ...noProgress, pause } },
                { incidents: closes, pauses: begins },
              ),
            log: () => change(before, { beats: [beatAt(atMs, 'log')] }),
            down: () =>
              change(
                { ...before, status: 'down', incident: before.incident ?? incident, lastBeatMs: atMs },
                {
                  beats: [beatAt(atMs, 'fail')],
                  incidents: before.incident ? [] : [{ ...incident, endedMs: null, heldBy: '' }],
                },
              ),
            remove: () => change(before, { remove: true, incidents: closes }),
          }[kind]();
          const [result] = await store.commit([next]);
          if (!result?.ok) throw new Error(`${kind} of ${name} met a conflict`);
          if (kind === 'remove') model.delete(name);
          else model.set(name, { ...next.monitor, id: result.id, version: result.version });
        }
        const loaded = await store.load([{ name }]);
        t.same(loaded[0]?.monitor, model.get(name));
      }
      await store.close();
      store = open();
      const { monitors: listed } = await store.find({ order: 'name', after: null, limit: 100 });
      t.same(
        listed,
        [...model.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
        JSON.stringify(story),
      );
      await store.close();
    }),
    { numRuns: 25 },
  );
});

t.test('a beat that comes behind a sweep under way is replayed after a restart', async (t) => {
  const path = await temporaryDirectory(t);
  const options = { sweepBytes: 13_000 };
  let store = new SqliteStore(path, options);
  const monitors: Monitor[] = [];
  const beat = async (index: number, atMs: number) => {
    const next = heardAt(monitors[index] ?? fresh(`job-${index}`), atMs, 60_000);
    const [result] = await store.commit([change(next, { beats: [beatAt(atMs)] })]);
    if (!result?.ok) throw new Error('conflict');
    monitors[index] = { ...next, id: result.id, version: result.version };
  };
  for (let round = 0; round < 12; round++) {
    // Every monitor again and again, while slices of a sweep are written in between.
    for (let index = 0; index < 300; index++) {
      await beat(index, startMs + round * 10_000 + index);
      // Each round ends the sweep elsewhere.
      if (index % 20 === 0 && index <= 60 + round * 20) {
        await store.writeBehind();
        await beat(index / 20, startMs + round * 10_000 + 1_000 + index);
      }
    }
    await store.close();
    store = new SqliteStore(path, options);
    const loaded = await store.load(monitors.map(({ id }) => ({ id })));
    t.same(
      loaded.map(({ monitor }) => monitor),
      monitors,
      `after restart ${round + 1}`,
    );
  }
  await store.close();
});

t.test('the WAL stays bounded under writes without a pause, and nothing is lost', async (t) => {
  const path = await temporaryDirectory(t);
  const options = { wal: { startBytes: 200_000, holdBytes: 1_000_000 } };
  const store = new SqliteStore(path, options);
  const walBytes = () => statSync(join(path, 'tocsin.db-wal')).size;
  let monitor = fresh('job');
  const message = 'x'.repeat(2_000);
  let largest = 0;
  let written = 0;
  let restarts = 0;
  for (let index = 0, last = 0; index < 6_000; index++) {
    const atMs = startMs + index;
    const next = heardAt(monitor, atMs, 60_000);
    // What goes into the database at once; beats alone do not.
    const deliveries = [delivery(`d-${index}`, { message })];
    const [result] = await store.commit([change(next, { beats: [beatAt(atMs)], deliveries })]);
    if (!result?.ok) throw new Error('conflict');
    monitor = { ...next, id: result.id, version: result.version };
    written += message.length;
    const bytes = walBytes();
    if (bytes < last) restarts += 1;
    last = bytes;
    largest = Math.max(largest, bytes);
    // The event loop turns, as it does between the batches of the engine.
    if (index % 8 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  t.ok(written > 4 * largest, `${written} bytes of messages, the WAL at most ${largest}`);
  t.ok(largest < 3_000_000, `at most ${largest} bytes`);
  t.ok(restarts > 1, `the WAL began anew ${restarts} times`);
  await store.close();
  const again = new SqliteStore(path, options);
  t.same((await again.load([{ name: 'job' }]))[0]?.monitor, monitor);
  await again.close();
});

t.test('a frame whose transaction did not come to pass counts for nothing', async (t) => {
  const directory = await temporaryDirectory(t);
  let store = new SqliteStore(directory);
  const [first] = await store.commit([change(fresh('job'), { beats: [beatAt(startMs)] })]);
  if (!first?.ok) throw new Error('conflict');
  const job = { ...fresh('job'), id: first.id, version: first.version };
  const fail = { id: 'i', startedMs: startMs + 1, reason: 'failed' as const, message: '', exitCode: null };
  const down = change(
    { ...job, status: 'down', incident: fail, lastBeatMs: startMs + 1 },
    { beats: [{ ...beatAt(startMs + 1, 'fail'), beatId: 'b' }], incidents: [{ ...fail, endedMs: null, heldBy: '' }] },
  );
  await t.test('because the process died in between', async (t) => {
    await store.close();
    const before = readDatabase(directory);
    store = new SqliteStore(directory);
    await store.commit([down]);
    await store.close();
    writeFileSync(join(directory, 'tocsin.db'), before);
    store = new SqliteStore(directory);
    const [loaded] = await store.load([{ name: 'job', beatId: 'b' }]);
    t.same(loaded, { monitor: job, seenBeat: undefined }, 'the client that got no answer can say it again');
    t.same(storedBeats(directory).length, 1);
  });
  await t.test('because the database refused it', async (t) => {
    const twice = [fail, { ...fail, id: 'j' }].map((each) => ({ ...each, endedMs: null, heldBy: '' }));
    await t.rejects(store.commit([{ ...down, incidents: twice }]), { name: 'StoreError' });
    t.same((await store.load([{ name: 'job', beatId: 'b' }]))[0], { monitor: job, seenBeat: undefined });
    t.same(await store.commit([down]), [{ ok: true, id: job.id, version: 2 }]);
    await store.close();
    store = new SqliteStore(directory);
    t.match((await store.load([{ name: 'job', beatId: 'b' }]))[0]!.monitor, { status: 'down', version: 2 });
    t.same(
      storedBeats(directory).map(({ status }) => status),
      ['ok', 'fail'],
    );
  });
  await store.close();
});

/** The main database of a closed store. */
function readDatabase(directory: string): Buffer {
  return readFileSync(join(directory, 'tocsin.db'));
}

t.test('a database from before the journal keeps its state', async (t) => {
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'tocsin.db');
  const db = new DatabaseSync(path);
  db.exec(`${migrations[0]}; PRAGMA user_version = 1`);
  const monitor = db.prepare(
    `INSERT INTO monitors (id, name, version, status, frequency_ms, grace_ms, created_ms, last_beat_ms, due_ms,
       deadline_ms, hold_until_ms, hold_blind_from_ms, hold_blind_to_ms, repeats, journal_id)
     VALUES (?, ?, 5, 'up', 60000, 1000, 1, 100, 60100, 61100, ?, ?, ?, 0, 3)`,
  );
  monitor.run(7, 'heard', 90_000, 1, 2);
  monitor.run(8, 'not heard', null, null, null);
  const beat = db.prepare(
    `INSERT INTO beats (id, monitor_id, status, at_ms, received_ms, message, run, beat_id, frequency_ms, grace_ms)
     VALUES (?, ?, 'ok', ?, ?, '', '', '', ?, ?)`,
  );
  beat.run(2, 8, 90, 90, 5_000, 0);
  beat.run(4, 7, 200, 200, 30_000, 500);
  beat.run(5, 7, 300, 300, 40_000, 600);
  beat.run(6, 7, 250, 250, null, null);
  db.close();

  const store = new SqliteStore(directory);
  const [heard, other] = await store.load([{ name: 'heard' }, { name: 'not heard' }]);
  const moved = { version: 7, frequencyMs: 40_000, graceMs: 600, lastBeatMs: 300, dueMs: 40_300, deadlineMs: 40_900 };
  t.match(heard!.monitor, { id: 7, status: 'up', hold: null, ...moved });
  t.match(other!.monitor, { id: 8, version: 5, lastBeatMs: 100, dueMs: 60_100 });
  const [next] = await store.commit([change(fresh('new'), { beats: [beatAt(startMs)] })]);
  t.match(next, { ok: true, id: 9 });
  await store.close();
});

t.test('a server that is restarted again and again gets round as well', async (t) => {
  const directory = await temporaryDirectory(t);
  const options = { sweepBytes: 50_000, journal: { segmentBytes: 5_000, behindBytes: 1e9, bytesMax: 100_000 } };
  const journalBytes = () => {
    const files = readdirSync(directory).filter((file) => file.startsWith('beats-'));
    // One that is gone by now counts for nothing.
    const sizeOf = (file: string) => statSync(join(directory, file), { throwIfNoEntry: false })?.size ?? 0;
    return files.reduce((sum, file) => sum + sizeOf(file), 0);
  };
  let store = new SqliteStore(directory, options);
  const names = Array.from({ length: 300 }, (_, index) => `job-${index}`);
  await store.commit(names.map((name) => change(heardAt(fresh(name), startMs, 60_000), { beats: [beatAt(startMs)] })));
  let largest = 0;
  for (let restart = 1; restart <= 25; restart++) {
    const loaded = await store.load(names.map((name) => ({ name })));
    for (const { monitor } of loaded) {
      const atMs = startMs + restart * 1_000;
      await store.commit([change(heardAt(monitor!, atMs, 60_000), { beats: [beatAt(atMs)] })]);
      await store.writeBehind();
    }
    // Files are deleted away from the serving thread.
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    largest = Math.max(largest, journalBytes());
    await store.close();
    store = new SqliteStore(directory, options);
  }
  t.ok(largest < 300_000, `${largest} bytes at most`);
  const [last] = await store.load([{ name: 'job-299' }]);
  t.equal(last!.monitor!.lastBeatMs, startMs + 25_000);
  await store.close();
});
