import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import t from 'tap';
import { dayMs } from '../../../server/engine/domain/spent-time.ts';
import { historyMigrations } from '../../../server/store/history/history-database.ts';
import { HistoryKeeper } from '../../../server/store/history/history-keeper.ts';
import { temporaryDirectory } from '../../support/running-server.ts';
import { beatRecord } from '../store-contract.ts';
import { type BeatOf, KeptHistory } from './kept-history.ts';

const rows = (kept: KeptHistory) => kept.query<{ n: number }>('SELECT count(*) AS n FROM beats')[0]!.n;

t.test('each monitor has its newest beats, in order, wherever the process dies', async (t) => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant('append' as const), beats: fc.integer({ min: 1, max: 40 }) }),
    },
    { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('take' as const, 'batch' as const) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('restart' as const, 'tidy' as const) }) },
  );
  const directory = await temporaryDirectory(t);
  let run = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 40 }), fc.infiniteStream(fc.nat(5)), (story, monitors) => {
      run += 1;
      const kept = new KeptHistory(t, `${directory}/${run}`, {
        beatsPerMonitor: 7,
        segmentBytes: 600,
        bytesMax: 8_000_000,
      });
      const model = new Map<number, number[]>();
      let atMs = 0;
      for (const each of story) {
        if (each.kind === 'append') {
          const beats: BeatOf[] = [];
          for (let n = 0; n < each.beats; n++) {
            const monitorId = 1 + (monitors.next().value as number);
            atMs += 1;
            beats.push({ monitorId, atMs, receivedMs: atMs });
            model.set(monitorId, [atMs, ...(model.get(monitorId) ?? [])].slice(0, 7));
          }
          kept.append(beats);
        } else if (each.kind === 'take') kept.take();
        else if (each.kind === 'batch') kept.take(1);
        else if (each.kind === 'restart') kept.restart();
        else kept.tidy(atMs);
      }
      kept.take();
      for (const [monitorId, times] of model) {
        t.same(kept.times(monitorId), times);
        t.same(kept.times(monitorId, 3), times, 'in pages');
      }
      t.same(kept.times(99), []);
    }),
    { numRuns: 40 },
  );
});

t.test('a chatty monitor does not push out the beats of quiet ones', async (t) => {
  const kept = new KeptHistory(t, await temporaryDirectory(t), { beatsPerMonitor: 100, segmentBytes: 500_000 });
  const quiet = Array.from({ length: 1_000 }, (_, index) => index + 2);
  let atMs = 0;
  for (let round = 0; round < 5; round++) {
    kept.append(quiet.map((monitorId) => ({ monitorId, atMs: ++atMs, receivedMs: atMs })));
    for (let n = 0; n < 10; n++) {
      kept.append(Array.from({ length: 1_000 }, () => ({ monitorId: 1, atMs: ++atMs, receivedMs: atMs })));
    }
    kept.take();
    kept.tidy(atMs);
  }
  t.equal(kept.times(1).length, 100);
  t.ok(quiet.every((monitorId) => kept.times(monitorId).length === 5));
  t.ok(rows(kept) < 5_000 + 100 + 25_000, 'what is surplus goes from the disk as well');
  kept.restart();
  t.equal(kept.times(1).length, 100);
});

t.test('when the budget is reached the oldest beats go first, whoever they are of', async (t) => {
  const bytesMax = 2 ** 20;
  const kept = new KeptHistory(t, await temporaryDirectory(t), { bytesMax, segmentBytes: 500_000 });
  let atMs = 0;
  for (let round = 0; round < 40; round++) {
    const beats = Array.from({ length: 1_000 }, (_, n) => ({
      monitorId: 1 + (n % 50),
      atMs: ++atMs,
      receivedMs: atMs,
    }));
    kept.append(beats);
    kept.take();
    kept.tidy(atMs);
  }
  const pages = kept.query<{ bytes: number }>('SELECT page_count * 4096 AS bytes FROM pragma_page_count');
  t.ok(pages[0]!.bytes < 1.5 * bytesMax, `${pages[0]!.bytes}`);
  const left = kept.query<{ at: number }>('SELECT at_ms AS at FROM beats ORDER BY id').map(({ at }) => at);
  t.ok(left.length > 2_000 && left.length < 39_000, `${left.length}`);
  t.same([left[0]! + left.length - 1, left.at(-1)], [atMs, atMs], 'the newest, without a gap');
  kept.restart({ bytesMax: 2 ** 19 });
  kept.tidy(atMs);
  const fewer = kept.query<{ bytes: number }>('SELECT page_count * 4096 AS bytes FROM pragma_page_count');
  t.ok(fewer[0]!.bytes <= 2 ** 19, 'a bound that was set lower is reached too');
  t.equal(kept.times(50)[0], atMs);
});

t.test('beats that are too old go', async (t) => {
  const kept = new KeptHistory(t, await temporaryDirectory(t), { beatsMaxAgeMs: 10 * dayMs });
  for (let day = 0; day < 30; day++) kept.append([{ monitorId: 1, atMs: day * dayMs, receivedMs: day * dayMs }]);
  kept.take();
  kept.tidy(29 * dayMs);
  t.equal(rows(kept), 11);
  t.equal(kept.times(1).length, 11);
  kept.tidy(5 * dayMs);
  t.equal(rows(kept), 11, 'the clock was set back');
});

t.test('where beats came from is known as long as they are', async (t) => {
  const kept = new KeptHistory(t, await temporaryDirectory(t), { beatsMaxAgeMs: 10 * dayMs, segmentBytes: 2_000 });
  const from = (day: number) => ({ address: `10.0.0.${day}`, userAgent: 'curl/8' });
  for (let day = 0; day < 30; day++) {
    const receivedMs = day * dayMs;
    kept.append([
      { monitorId: 1, receivedMs, ...from(1) },
      { monitorId: 1, receivedMs, ...from(day) },
    ]);
    kept.take();
    if (day % 7 === 3) kept.restart();
    kept.tidy(receivedMs);
  }
  const beats = kept.keeper.beats.list({ monitorId: 1, beforeId: null, limit: 100 });
  const expected = [...Array(30).keys()]
    .slice(19)
    .toReversed()
    .flatMap((day) => [from(day), from(1)]);
  t.same(
    beats.map(({ address, userAgent }) => ({ address, userAgent })),
    expected,
  );
  const sources = kept.query<{ address: string }>('SELECT address FROM sources');
  t.ok(sources.length <= 13, 'the others are gone');
});

t.test('the beats around a moment', async (t) => {
  const kept = new KeptHistory(t, await temporaryDirectory(t));
  kept.append([1, 2, 3, 4, 6, 7, 8, 9].map((atMs) => ({ monitorId: 1, atMs })));
  kept.take();
  const around = (atMs: number, before: number, after: number) =>
    kept.keeper.beats.around({ monitorId: 1, times: [atMs], before, after, bytesMax: 1 })[0]!.map((beat) => beat.atMs);
  t.same(around(5, 2, 2), [3, 4, 6, 7]);
  t.same(around(4, 1, 1), [4, 6], 'a beat at that very moment came before it');
  t.same(around(0, 3, 3), [1, 2, 3]);
  t.same(around(99, 3, 3), [7, 8, 9]);
  t.same(around(5, 0, 1), [6]);
  t.same(around(5, 1, 0), [4]);
  t.same(around(5, 100, 100), [1, 2, 3, 4, 6, 7, 8, 9]);
});

t.test('a history of before chains', async (t) => {
  const directory = await temporaryDirectory(t);
  const old = new DatabaseSync(`${directory}/history.db`);
  old.exec(`${historyMigrations[0]}; PRAGMA user_version = 1`);
  const insert = old.prepare(`INSERT INTO beats VALUES (?, ?, 'ok', ?, ?, 'm', 5, 0, 'r', ?)`);
  for (let id = 11; id <= 30; id++) insert.run(id, 1 + (id % 3), id, id, `b-${id}`);
  old.close();
  const limits = { beatsPerMonitor: 1_000, beatsMaxAgeMs: Number.POSITIVE_INFINITY, bytesMax: 2 ** 30 };
  const keeper = new HistoryKeeper({
    directory,
    path: `${directory}/history.db`,
    databasePath: '',
    sync: false,
    ...limits,
  });
  t.teardown(() => keeper.close());
  const beats = keeper.beats.list({ monitorId: 1, beforeId: null, limit: 100 });
  t.same(
    beats.map(({ id }) => id),
    [30, 27, 24, 21, 18, 15, 12],
  );
  const said = { message: 'm', durationMs: 5, exitCode: 0, run: 'r', beatId: 'b-30' };
  t.same(beats[0], { id: 30, ...beatRecord({ atMs: 30, receivedMs: 30, ...said }) });
});

t.test('a history that is lost begins with what the journal still has', async (t) => {
  const kept = new KeptHistory(t, await temporaryDirectory(t), { segmentBytes: 500 });
  for (let n = 1; n <= 50; n++) kept.append([{ monitorId: 1, atMs: n, address: 'a' }]);
  kept.take();
  kept.loseHistory();
  t.same(kept.times(1), []);
  kept.take();
  t.equal(kept.times(1).length, 50);
  t.equal(kept.keeper.beats.list({ monitorId: 1, beforeId: null, limit: 1 })[0]!.address, 'a');
});
