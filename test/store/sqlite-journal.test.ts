import { statSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import type { Monitor } from '../../server/engine/domain/monitor.ts';
import { SqliteStore } from '../../server/store/sqlite/sqlite-store.ts';
import type { Change } from '../../server/store/store.ts';
import { temporaryDirectory } from '../support/running-server.ts';

const startMs = Date.UTC(2026, 0, 1);

const beatAt = (atMs: number, status: 'ok' | 'log' | 'fail' = 'ok') => ({
  status,
  atMs,
  receivedMs: atMs,
  message: '',
  durationMs: null,
  exitCode: null,
  run: '',
  beatId: '',
});

const heardAt = (monitor: Monitor, atMs: number, frequencyMs: number): Monitor => ({
  ...monitor,
  status: 'up',
  frequencyMs,
  lastBeatMs: atMs,
  dueMs: atMs + frequencyMs,
  deadlineMs: atMs + frequencyMs + monitor.graceMs,
  hold: null,
  incident: null,
});

const fresh = (name: string): Monitor => ({
  id: 0,
  version: 0,
  name,
  status: 'new',
  frequencyMs: 60_000,
  graceMs: 5_000,
  createdMs: startMs,
  lastBeatMs: null,
  dueMs: null,
  deadlineMs: null,
  hold: null,
  incident: null,
  repeatMs: null,
  repeats: 0,
});

const change = (monitor: Monitor, parts: Partial<Change> = {}): Change => ({
  monitor,
  remove: false,
  beats: [],
  incidents: [],
  deliveries: [],
  ...parts,
});

type Step = { kind: 'ok' | 'log' | 'down' | 'remove' | 'sweep' | 'trim' | 'reopen'; name: string };

const steps = fc.array(
  fc.record({
    kind: fc.oneof(
      { weight: 12, arbitrary: fc.constant('ok' as const) },
      { weight: 6, arbitrary: fc.constant('sweep' as const) },
      { weight: 1, arbitrary: fc.constantFrom<Step['kind']>('log', 'down', 'remove', 'trim', 'reopen') },
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
      const open = () => new SqliteStore(path, { sweepBeats: 9 });
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
          const incident = { id: `${name}-${atMs}`, startedMs: atMs, reason: 'failed' as const };
          const closes = before.incident ? [{ ...before.incident, endedMs: atMs }] : [];
          const next = {
            ok: () => change(heardAt(before, atMs, 60_000 + (atMs % 7)), { beats: [beatAt(atMs)], incidents: closes }),
            log: () => change(before, { beats: [beatAt(atMs, 'log')] }),
            down: () =>
              change(
                { ...before, status: 'down', incident: before.incident ?? incident, lastBeatMs: atMs },
                { beats: [beatAt(atMs, 'fail')], incidents: before.incident ? [] : [{ ...incident, endedMs: null }] },
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
      const listed = await store.list({ afterName: '', limit: 100 });
      t.same(
        listed,
        [...model.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
        JSON.stringify(story),
      );
      await store.close();
    }),
    { numRuns: 40 },
  );
});

t.test('a beat that comes behind a sweep under way is replayed after a restart', async (t) => {
  const path = await temporaryDirectory(t);
  const options = { sweepBeats: 200 };
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
    const [result] = await store.commit([change(next, { beats: [{ ...beatAt(atMs), message }] })]);
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
