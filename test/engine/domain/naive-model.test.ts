import fc from 'fast-check';
import t from 'tap';
import { secondMs, tenMs } from '../cast.ts';
import { World } from './world.ts';

/** Thresholds and runs against models that only count seconds. */

const plain = { frequencyMs: null, graceMs: null };
const incidentsOf = ({ incidents }: World) =>
  [...incidents.values()].map(({ startedMs, endedMs, reason }) => [
    reason,
    (startedMs - tenMs) / secondMs,
    endedMs === null ? null : (endedMs - tenMs) / secondMs,
  ]);

t.test('down after so many failures or misses in a row, up after so many oks in time', async (t) => {
  let incidents = 0;
  const rules = fc.record({
    periodS: fc.integer({ min: 1, max: 9 }),
    graceS: fc.integer({ min: 0, max: 5 }),
    failures: fc.integer({ min: 1, max: 4 }),
    oks: fc.integer({ min: 1, max: 4 }),
    maintenanceS: fc.option(fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 30 }))),
  });
  const beats = fc.array(fc.record({ atS: fc.integer({ min: 1, max: 120 }), isOk: fc.boolean() }), { maxLength: 40 });
  fc.assert(
    fc.property(rules, beats, (rules, beats) => {
      const { periodS, graceS, failures, oks, maintenanceS } = rules;
      const [fromS, forS] = maintenanceS ?? [0, 0];
      const isExcused = (second: number) => second >= fromS && second < fromS + forS;
      const bySecond = new Map(beats.map((beat) => [beat.atS, beat.isOk]));

      // The model: what is known at each second.
      const wanted: [string, number, number | null][] = [];
      let [dueS, failed, good, isDown] = [periodS, 0, 0, false];
      const failAt = (second: number, reason: string) => {
        if (isDown) return;
        failed += 1;
        if (failed < failures) return;
        wanted.push([reason, second, null]);
        [isDown, failed, good] = [true, 0, 0];
      };
      for (let second = 0; second <= 130; second++) {
        const isOk = second === 0 ? true : bySecond.get(second);
        if (isOk === true) {
          if (isDown) good += 1;
          if (good >= oks) [wanted.at(-1)![2], isDown, good] = [second, false, 0];
          failed = 0;
          dueS = second + periodS;
        } else if (isOk === false) {
          // Of one that missed, the deadline stays until it is heard from.
          if (isDown) good = 0;
          dueS = second + periodS;
          if (!isExcused(second)) failAt(second, 'failed');
        } else if (second === dueS + graceS) {
          if (isDown) good = 0;
          else {
            const excused = Array.from({ length: graceS + 1 }, (_, index) => dueS + index).some(isExcused);
            if (!excused) failAt(second, 'missed');
            if (!isDown) dueS = (excused ? Math.max(dueS, fromS + forS) : dueS) + periodS;
          }
        }
      }

      const world = new World();
      world.configure({
        frequencyMs: periodS * secondMs,
        graceMs: graceS * secondMs,
        failuresToAlert: failures,
        beatsToRecover: oks,
        maintenance: maintenanceS
          ? [{ kind: 'once', fromMs: tenMs + fromS * secondMs, toMs: tenMs + (fromS + forS) * secondMs }]
          : [],
      });
      world.beat(plain);
      for (let second = 1; second <= 130; second++) {
        world.nowMs = tenMs + second * secondMs;
        const isOk = bySecond.get(second);
        if (isOk !== undefined) world.beat({ ...plain, status: isOk ? 'ok' : 'fail' });
        world.look();
      }
      incidents += wanted.length;
      same(incidentsOf(world), wanted);
    }),
    { numRuns: 500 },
  );
  t.ok(incidents > 300, `${incidents} incidents`);
});

t.test('runs: each is told from the others, ends once, and is as long as it was', async (t) => {
  const count = { ended: 0, overran: 0 };
  const event = fc.record({
    afterS: fc.integer({ min: 0, max: 8 }),
    status: fc.constantFrom('start', 'start', 'ok', 'fail', 'keep_alive'),
    run: fc.constantFrom('', 'a', 'b', 'c'),
  });
  fc.assert(
    fc.property(
      fc.array(event, { minLength: 5, maxLength: 40, size: 'max' }),
      fc.integer({ min: 3, max: 20 }),
      (events, maxS) => {
        const world = new World();
        world.configure({ frequencyMs: 86_400_000, maxRunMs: maxS * secondMs });
        const open: { run: string; sinceS: number; limitS: number }[] = [];
        const wanted: string[] = [];
        let nowS = 0;
        for (const { afterS, status, run } of events) {
          for (let second = nowS; second < nowS + afterS; second++) {
            // In the second of its limit a beat is in time.
            for (const each of [...open].filter(({ limitS }) => limitS === second)) {
              open.splice(open.indexOf(each), 1);
              wanted.push(`overran ${each.run} at ${second} after ${second - each.sinceS}`);
            }
          }
          nowS += afterS;
          world.pass(tenMs + nowS * secondMs - 1);
          world.nowMs = tenMs + nowS * secondMs;
          world.beat({ ...plain, status, run });
          const same = open.filter((each) => each.run === run);
          if (status === 'start') {
            for (const each of same) open.splice(open.indexOf(each), 1);
            open.push({ run, sinceS: nowS, limitS: nowS + maxS });
          } else if (status === 'keep_alive') {
            for (const each of run === '' ? open : same) each.limitS = nowS + maxS;
          } else {
            const ended = run === '' && same.length === 0 ? [...open] : same;
            for (const each of ended) open.splice(open.indexOf(each), 1);
            wanted.push(`${status} ${run} at ${nowS} after ${ended.length === 1 ? nowS - ended[0]!.sinceS : null}`);
          }
        }
        const found = world.beats
          .filter(({ status }) => status === 'ok' || status === 'fail')
          .map(({ status, run, atMs, durationMs, receivedMs, message }) => {
            const what = message.includes('longer than') ? 'overran' : status;
            if (what === 'overran' && receivedMs - atMs > secondMs) throw new Error('noticed late');
            const duration = durationMs === null ? null : durationMs / secondMs;
            return `${what} ${run} at ${(atMs - tenMs) / secondMs} after ${duration}`;
          });
        same(found, wanted);
        same(
          world.monitor().progress.runs.map(({ id }) => id),
          open.map(({ run }) => run),
        );
        count.ended += wanted.length;
        count.overran += wanted.filter((text) => text.startsWith('overran')).length;
      },
    ),
    { numRuns: 400 },
  );
  t.ok(count.ended > 1_000 && count.overran > 100, JSON.stringify(count));
});

t.test('jobs that die without a word leave a hundred open runs at most', async (t) => {
  const world = new World();
  world.configure({ frequencyMs: 60_000 });
  for (let run = 0; run < 250; run++) world.beat({ ...plain, status: 'start', run: String(run) });
  t.equal(world.monitor().progress.runs.length, 100);
  t.equal(world.monitor().progress.runs[0]!.id, '150', 'the oldest are forgotten');
});

function same(found: unknown, wanted: unknown): void {
  const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (a !== b) throw new Error(`found ${a}, wanted ${b}`);
}
