import fc from 'fast-check';
import t from 'tap';
import { dayMs, dayOf, type Span, type SpentTimeFacts, spentTime } from '../../../server/engine/domain/spent-time.ts';

const none: SpentTimeFacts = { firstBeatMs: 0, incidents: [], pauses: [], maintenance: [], blinds: [] };
const noTime = { upMs: 0, downMs: 0, unknownMs: 0, excludedMs: 0 };

/** Looks at each moment by itself. */
function naive({ fromMs, toMs }: Span, facts: SpentTimeFacts) {
  const spent = { ...noTime };
  const isIn = (spans: readonly Span[], atMs: number) => spans.some((span) => span.fromMs <= atMs && atMs < span.toMs);
  for (let atMs = fromMs; atMs < toMs; atMs++) {
    const { firstBeatMs } = facts;
    if (firstBeatMs === null || atMs < firstBeatMs) spent.excludedMs += 1;
    else if (isIn(facts.pauses, atMs) || isIn(facts.maintenance, atMs)) spent.excludedMs += 1;
    else if (isIn(facts.blinds, atMs)) spent.unknownMs += 1;
    else if (isIn(facts.incidents, atMs)) spent.downMs += 1;
    else spent.upMs += 1;
  }
  return spent;
}

const moment = fc.integer({ min: 0, max: 60 });
const spans = fc.array(
  fc.record({ fromMs: moment, toMs: moment }).map(({ fromMs, toMs }) => ({ fromMs, toMs: Math.max(fromMs, toMs) })),
  { maxLength: 4 },
);
const facts = fc.record({
  firstBeatMs: fc.option(moment),
  incidents: spans,
  pauses: spans,
  maintenance: spans,
  blinds: spans,
});

t.test('each moment is spent as the strongest of what covers it', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 5, max: 30 }), fc.integer({ min: 20, max: 55 }), facts, (fromMs, toMs, facts) => {
      const span = { fromMs, toMs: Math.max(fromMs, toMs) };
      t.same(spentTime(span, facts), naive(span, facts));
    }),
    { numRuns: 2_000 },
  );
  t.end();
});

t.test('incidents that are open, and days that are not over', (t) => {
  const day = { fromMs: 5 * dayMs, toMs: 6 * dayMs };
  const open = { fromMs: day.toMs - 10, toMs: Number.POSITIVE_INFINITY };
  t.same(spentTime(day, { ...none, incidents: [open] }), { ...noTime, upMs: dayMs - 10, downMs: 10 });
  t.same(spentTime({ fromMs: 9, toMs: 9 }, { ...none, incidents: [open] }), noTime);
  t.same(spentTime({ fromMs: 9, toMs: 4 }, none), noTime, 'the clock was set back');
  t.same(spentTime(day, { ...none, firstBeatMs: null }), { ...noTime, excludedMs: dayMs });
  t.same([0, dayMs - 1, dayMs, -1].map(dayOf), [0, 0, 1, -1]);
  t.end();
});
