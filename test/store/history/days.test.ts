import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { dayMs, type Span, type SpentTime, spentTime } from '../../../server/engine/domain/spent-time.ts';
import { CronOccurrences } from '../../../server/schedule/cron-occurrences.ts';
import { MonitorFacts } from '../../../server/store/history/monitor-facts.ts';
import { UptimeReads } from '../../../server/store/history/uptime-reads.ts';
import type { StoredDay } from '../../../server/store/history-types.ts';
import { temporaryDirectory } from '../../support/running-server.ts';
import { KeptHistory } from './kept-history.ts';

const hourMs = 3_600_000;
const noTime: SpentTime = { upMs: 0, downMs: 0, unknownMs: 0, excludedMs: 0 };

function timesOf(days: readonly StoredDay[]): (SpentTime & { day: number })[] {
  return days.map(({ day, upMs, downMs, unknownMs, excludedMs }) => ({ day, upMs, downMs, unknownMs, excludedMs }));
}

/** Opens what a reader thread opens, for one read. */
function uptimes(directory: string, asked: { ids: number[]; days: 7 | 30 | 90 | 365; nowMs: number }): number[] {
  const facts = new MonitorFacts(join(directory, 'tocsin.db'), new CronOccurrences().next);
  const reads = new UptimeReads(join(directory, 'history.db'), facts);
  try {
    return [...reads.list({ ...asked, ids: Float64Array.from(asked.ids) })];
  } finally {
    reads.close();
    facts.close();
  }
}

const moment = fc.integer({ min: 0, max: 8 * 48 }).map((halfHours) => halfHours * (hourMs / 2));
/** Apart from each other and in order, as they happen. */
const spans = fc.uniqueArray(moment, { maxLength: 6 }).map((moments) => {
  const sorted = moments.toSorted((a, b) => a - b);
  return sorted.flatMap((fromMs, n) => (n % 2 === 0 ? [{ fromMs, toMs: sorted[n + 1] ?? null }] : []));
});
const monitor = fc.record({ firstBeatMs: fc.option(moment), incidents: spans, pauses: spans });

t.test('days are told as they were spent, closed or not, wherever the process dies', async (t) => {
  const directory = await temporaryDirectory(t);
  let run = 0;
  const look = fc.record({
    afterMs: fc.integer({ min: 1, max: 40 * hourMs }),
    steps: fc.nat(12),
    restart: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(monitor, { minLength: 1, maxLength: 4 }),
      spans,
      fc.array(look, { minLength: 1, maxLength: 12 }),
      (monitors, blinds, looks) => {
        const path = `${directory}/${++run}`;
        const kept = new KeptHistory(t, path);
        const closed = (span: { fromMs: number; toMs: number | null }): Span => ({
          fromMs: span.fromMs,
          toMs: span.toMs ?? Number.POSITIVE_INFINITY,
        });
        const ids = monitors.map((_, index) => index + 1);
        for (const [index, { firstBeatMs, incidents, pauses }] of monitors.entries()) {
          kept.monitor({ id: index + 1, firstBeatMs });
          for (const each of incidents) kept.incident(index + 1, each);
          for (const each of pauses) kept.pause(index + 1, each);
        }
        for (const { fromMs, toMs } of blinds) kept.blind({ fromMs, toMs: toMs ?? 9 * dayMs });
        const spent = (index: number, span: Span) => {
          const { firstBeatMs, incidents, pauses } = monitors[index]!;
          const facts = { firstBeatMs, incidents: incidents.map(closed), pauses: pauses.map(closed), maintenance: [] };
          return spentTime(span, {
            ...facts,
            blinds: blinds.map(({ fromMs, toMs }) => ({ fromMs, toMs: toMs ?? 9 * dayMs })),
          });
        };
        let nowMs = 0;
        for (const { afterMs, steps, restart } of looks) {
          nowMs += afterMs;
          for (let n = 0; n < steps && kept.keeper.tidy(nowMs); n++);
          if (restart) kept.restart();
          for (const id of ids) {
            const days = timesOf(kept.keeper.days.list({ monitorId: id, fromDay: 0, toDay: 99, nowMs }));
            const { firstBeatMs } = monitors[id - 1]!;
            const expected = [...Array(Math.floor(nowMs / dayMs) + 1).keys()].flatMap((day) => {
              const span = { fromMs: day * dayMs, toMs: Math.min((day + 1) * dayMs, nowMs) };
              const isKnown = firstBeatMs !== null && firstBeatMs < (day + 1) * dayMs;
              return isKnown ? [{ day, ...spent(id - 1, span) }] : [];
            });
            t.same(days, expected);
          }
          const whole = { fromMs: (Math.floor(nowMs / dayMs) - 7) * dayMs, toMs: nowMs };
          t.same(
            uptimes(path, { ids: [...ids, 99], days: 7, nowMs }),
            [...ids.map((id) => spent(id - 1, whole)), noTime].flatMap(({ upMs, downMs, unknownMs }) => [
              upMs,
              downMs,
              unknownMs,
            ]),
          );
        }
      },
    ),
    { numRuns: 25 },
  );
});

t.test(
  'beats, failures and durations count once, on the day that they count for, wherever the process dies',
  async (t) => {
    const directory = await temporaryDirectory(t);
    const beat = fc.record({
      monitorId: fc.integer({ min: 1, max: 4 }),
      day: fc.integer({ min: 0, max: 3 }),
      failed: fc.boolean(),
      durationMs: fc.option(fc.integer({ min: 0, max: 100_000 })),
    });
    const step = fc.record({
      beats: fc.array(beat, { maxLength: 30 }),
      next: fc.constantFrom('take' as const, 'batch' as const, 'restart' as const),
    });
    let run = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 15 }), (steps) => {
        // So small a bound that there are checkpoints between.
        const kept = new KeptHistory(t, `${directory}/${++run}`, {
          segmentBytes: 900,
          bytesMax: 2 ** 14,
        });
        const model = new Map<string, { beats: number; failures: number; durations: number[] }>();
        for (const { beats, next } of steps) {
          if (beats.length > 0) {
            kept.append(
              beats.map(({ monitorId, day, failed, durationMs }) => {
                const key = `${monitorId} ${day}`;
                const count = model.get(key) ?? { beats: 0, failures: 0, durations: [] };
                count.beats += 1;
                if (failed) count.failures += 1;
                if (durationMs !== null) count.durations.push(durationMs);
                model.set(key, count);
                return {
                  monitorId,
                  atMs: day * dayMs + 5,
                  receivedMs: 4 * dayMs,
                  status: failed ? 'fail' : 'ok',
                  durationMs,
                };
              }),
            );
          }
          if (next === 'take') kept.take();
          else if (next === 'batch') kept.take(2);
          else if (next === 'restart') kept.restart();
        }
        kept.take();
        for (const monitorId of [1, 2, 3, 4]) {
          const days = kept.keeper.days.list({ monitorId, fromDay: 0, toDay: 9, nowMs: 5 * dayMs });
          t.equal(days.length, [0, 1, 2, 3].filter((day) => model.has(`${monitorId} ${day}`)).length);
          for (const { day, beats, failures, durations } of days) {
            const expected = model.get(`${monitorId} ${day}`)!;
            t.same({ beats, failures }, { beats: expected.beats, failures: expected.failures });
            const all = expected.durations.toSorted((a, b) => a - b);
            if (all.length === 0) t.equal(durations, null);
            else {
              t.match(durations, { count: all.length, minMs: all[0], maxMs: all.at(-1) });
              t.ok(Math.abs(durations!.meanMs - all.reduce((a, b) => a + b) / all.length) < 0.001);
              for (const [n, { fromMs, count }] of durations!.buckets.entries()) {
                const toMs = Math.max(1, 2 ** (Math.floor(2 * Math.log2(fromMs)) / 2 + 0.5));
                const inIt = all.filter((ms) => ms >= fromMs - 1e-6 && ms < toMs - 1e-6);
                t.equal(inIt.length, count, `${fromMs} ${n}`);
              }
            }
          }
        }
      }),
      { numRuns: 25 },
    );
  },
);

t.test('maintenance is not counted, as long as it is known when the day is closed', async (t) => {
  const directory = await temporaryDirectory(t);
  const kept = new KeptHistory(t, directory);
  const nightly = { kind: 'recurring', cron: { expression: '30 23 * * *', timeZone: 'UTC' }, durationMs: hourMs };
  const once = { kind: 'once', fromMs: dayMs, toMs: dayMs + 3 * hourMs };
  kept.monitor({ id: 1, firstBeatMs: 0, config: { maintenance: [nightly, once] } });
  kept.incident(1, { fromMs: dayMs + 2 * hourMs, toMs: dayMs + 4 * hourMs });
  const nowMs = 2 * dayMs + 12 * hourMs;
  const expected = [
    { day: 0, upMs: 23 * hourMs, downMs: 0, unknownMs: 0, excludedMs: hourMs },
    { day: 1, upMs: 19.5 * hourMs, downMs: hourMs, unknownMs: 0, excludedMs: 3.5 * hourMs },
    { day: 2, upMs: 11.5 * hourMs, downMs: 0, unknownMs: 0, excludedMs: 0.5 * hourMs },
  ];
  const list = () => timesOf(kept.keeper.days.list({ monitorId: 1, fromDay: 0, toDay: 2, nowMs }));
  const summary = () => uptimes(directory, { ids: [1], days: 7, nowMs });
  t.same(list(), expected, 'before they are closed');
  t.same(summary(), [54 * hourMs, hourMs, 0]);
  kept.tidy(nowMs);
  t.equal(kept.keeper.closedDay, 1);
  t.same(list(), expected, 'and after');
  t.same(summary(), [54 * hourMs, hourMs, 0]);
});

t.test('the days of a year, then no more', async (t) => {
  const directory = await temporaryDirectory(t);
  const kept = new KeptHistory(t, directory);
  kept.monitor({ id: 1, firstBeatMs: 10 * dayMs });
  kept.incident(1, { fromMs: 500 * dayMs, toMs: 500 * dayMs + hourMs });
  const nowMs = 600 * dayMs + 2 * hourMs;
  kept.tidy(nowMs);
  const rows = kept.query<{ from: number; to: number }>('SELECT min(day) AS "from", max(day) AS "to" FROM days');
  t.match(rows, [{ to: 599 }]);
  t.ok(rows[0]!.from >= 198 && rows[0]!.from <= 200);
  const days = kept.keeper.days.list({ monitorId: 1, fromDay: 0, toDay: 700, nowMs });
  t.same([days[0]?.day, days.at(-1)?.day, days.length], [201, 600, 400]);
  t.ok(days.every(({ day, upMs }) => upMs === (day === 500 ? 23 : day === 600 ? 2 : 24) * hourMs));
  t.same(uptimes(directory, { ids: [1], days: 365, nowMs }), [365 * dayMs + hourMs, hourMs, 0]);
  t.same(uptimes(directory, { ids: [1], days: 90, nowMs }), [90 * dayMs + 2 * hourMs, 0, 0]);
  kept.tidy(20_000 * dayMs);
  t.equal(kept.query<{ n: number }>('SELECT count(*) AS n FROM days')[0]!.n, 400, 'after a very long pause as well');
});

t.test('a clock that was ahead: days that are still to come are closed anew', async (t) => {
  const directory = await temporaryDirectory(t);
  const kept = new KeptHistory(t, directory);
  kept.monitor({ id: 1, firstBeatMs: 0 });
  kept.tidy(20 * dayMs + 2 * hourMs);
  t.equal(kept.keeper.closedDay, 19);
  kept.tidy(5 * dayMs + 2 * hourMs);
  t.equal(kept.keeper.closedDay, 4);
  kept.incident(1, { fromMs: 6 * dayMs, toMs: 6 * dayMs + hourMs });
  const nowMs = 8 * dayMs + 2 * hourMs;
  kept.tidy(nowMs);
  const days = kept.keeper.days.list({ monitorId: 1, fromDay: 0, toDay: 99, nowMs });
  t.same(
    days.map(({ downMs }) => downMs),
    [0, 0, 0, 0, 0, 0, hourMs, 0, 0],
  );
});

t.test('what is kept of a monitor goes when it is removed, also after a crash in between', async (t) => {
  const directory = await temporaryDirectory(t);
  for (let stepsMax = 0; stepsMax < 14; stepsMax++) {
    const kept = new KeptHistory(t, `${directory}/${stepsMax}`);
    for (const id of [1, 2, 3]) kept.monitor({ id, firstBeatMs: 0 });
    kept.append([1, 2, 3, 1, 2, 3].map((monitorId) => ({ monitorId, atMs: 3 * dayMs, receivedMs: 3 * dayMs })));
    kept.take();
    kept.tidy(4 * dayMs + 2 * hourMs);
    kept.database.exec('DELETE FROM monitors WHERE id IN (2)');
    const nowMs = 5 * dayMs + 2 * hourMs;
    for (let n = 0; n < stepsMax; n++) kept.keeper.tidy(nowMs);
    kept.restart();
    t.same(kept.keeper.days.list({ monitorId: 2, fromDay: 0, toDay: 9, nowMs }), []);
    t.same(uptimes(`${directory}/${stepsMax}`, { ids: [2], days: 7, nowMs: nowMs + 3 * dayMs }), [0, 0, 0]);
    kept.tidy(nowMs);
    for (const table of ['beats', 'heads', 'days']) {
      const ids = kept.query<{ id: number }>(`SELECT DISTINCT monitor_id AS id FROM ${table} ORDER BY 1`);
      t.same(
        ids.map(({ id }) => id),
        [1, 3],
        table,
      );
    }
    t.equal(kept.times(1).length, 2);
  }
});

t.test('days stay, also where they alone are more than the budget', async (t) => {
  const kept = new KeptHistory(t, await temporaryDirectory(t), { bytesMax: 2 ** 15 });
  for (let id = 1; id <= 50; id++) kept.monitor({ id, firstBeatMs: 0 });
  const nowMs = 100 * dayMs + 2 * hourMs;
  for (let n = 1; n <= 300; n++) kept.append([{ monitorId: n % 50, atMs: nowMs, receivedMs: nowMs }]);
  kept.take();
  kept.tidy(nowMs);
  t.equal(kept.query<{ n: number }>('SELECT count(*) AS n FROM days WHERE up_ms IS NOT NULL')[0]!.n, 5_000);
  kept.append([{ monitorId: 7, atMs: nowMs + 1, receivedMs: nowMs }]);
  kept.take();
  kept.tidy(nowMs);
  t.same(kept.times(7), [nowMs + 1], 'the newest beats can be read for a while');
});
