import fc from 'fast-check';
import t from 'tap';
import { collectMs, decideGrouping, type GroupingInput, type Told } from '../../server/outbox/grouping.ts';

const windowMs = 60_000;

const singles = (...times: number[]): Told[] => times.map((atMs) => ({ atMs, notices: 1 }));

function decide(input: Partial<GroupingInput>) {
  return decideGrouping({
    fresh: 1,
    oldestMs: 0,
    newestMs: input.oldestMs ?? 0,
    told: [],
    lastDigestMs: null,
    digest: { above: 5, windowMs },
    isBatched: false,
    nowMs: collectMs,
    ...input,
  });
}

t.test('examples', async (t) => {
  t.same(decide({ nowMs: 0 }), { kind: 'singles' }, 'a lone one is told at once');
  t.same(decide({ fresh: 6, nowMs: 0 }), { kind: 'wait', untilMs: collectMs }, 'many wait for company');
  t.same(decide({ fresh: 6, nowMs: 999 }), { kind: 'wait', untilMs: collectMs });
  t.same(decide({ fresh: 6, newestMs: 900 }), { kind: 'wait', untilMs: 1_400 }, 'and for what still comes');
  t.same(decide({ fresh: 6, newestMs: 4_900, nowMs: 4_999 }), { kind: 'wait', untilMs: 5_000 }, 'but not for ever');
  t.same(decide({ fresh: 6, newestMs: 4_900, nowMs: 5_000 }), { kind: 'digest' });
  t.same(decide({ fresh: 5 }), { kind: 'singles' }, 'as many as `above` go one by one');
  t.same(decide({ fresh: 6 }), { kind: 'digest' }, 'one more, and all go as one');
  t.same(decide({ fresh: 10_000 }), { kind: 'digest' });

  const five = { told: singles(1_000, 2_000, 3_000, 4_000, 5_000), oldestMs: 6_000, nowMs: 7_000 };
  t.same(decide(five), { kind: 'digest' }, 'the sixth within the window is not held back: it opens the digests');
  const late = { ...five, oldestMs: 61_001, nowMs: 62_001 };
  t.same(decide(late), { kind: 'singles' }, 'what was sent more than a window before does not count');

  const after = { fresh: 6, lastDigestMs: 1_000, oldestMs: 2_000, nowMs: 3_000 };
  t.same(decide(after), { kind: 'wait', untilMs: 61_000 }, 'no second digest within the window');
  t.same(decide({ ...after, nowMs: 60_999 }), { kind: 'wait', untilMs: 61_000 });
  t.same(decide({ ...after, nowMs: 61_000 }), { kind: 'digest' });
  const storm = { ...after, fresh: 1, told: [{ atMs: 1_000, notices: 100 }] };
  t.same(decide(storm), { kind: 'wait', untilMs: 61_000 }, 'what is told in a digest counts as well');
  t.same(decide({ ...storm, told: [{ atMs: 1_000, notices: 2 }] }), { kind: 'singles' });
});

t.test(
  'what collects for a digest goes as one, though what was sent before it leaves the window meanwhile',
  async (t) => {
    const collecting = { fresh: 3, told: singles(1_000, 1_000, 1_000, 1_000), lastDigestMs: 20_000, oldestMs: 30_000 };
    t.same(decide({ ...collecting, nowMs: 31_000 }), { kind: 'wait', untilMs: 80_000 });
    t.same(decide({ ...collecting, nowMs: 70_000 }), { kind: 'wait', untilMs: 80_000 });
    t.same(decide({ ...collecting, nowMs: 80_000 }), { kind: 'digest' });
  },
);

t.test('a batched lane: all that waits goes as one after a second, as often as it must', async (t) => {
  t.same(decide({ isBatched: true, nowMs: 500 }), { kind: 'wait', untilMs: collectMs });
  t.same(decide({ isBatched: true, fresh: 2, lastDigestMs: 900 }), { kind: 'digest' });
  t.same(decide({ isBatched: true, fresh: 1, told: singles(...Array(50).fill(500)) }), { kind: 'singles' });
});

/** Plays notices that are made at `madeMs`, and tells of every message: when, and which notices are in it. */
function play(madeMs: number[], { above, isBatched = false }: { above: number; isBatched?: boolean }) {
  const messages: { atMs: number; made: number[] }[] = [];
  const told: Told[] = [];
  let lastDigestMs: number | null = null;
  const toCome = madeMs.toSorted((a, b) => a - b);
  let waiting: number[] = [];
  let nowMs = 0;
  let untilMs = Number.POSITIVE_INFINITY;
  while (toCome.length > 0 || waiting.length > 0) {
    nowMs = Math.min(toCome[0] ?? Number.POSITIVE_INFINITY, untilMs);
    while (toCome.length > 0 && toCome[0]! <= nowMs) waiting.push(toCome.shift()!);
    untilMs = Number.POSITIVE_INFINITY;
    const input = {
      fresh: waiting.length,
      oldestMs: waiting[0]!,
      newestMs: waiting.at(-1)!,
      told,
      lastDigestMs,
      isBatched,
      nowMs,
    };
    const decision = decideGrouping({ ...input, digest: { above, windowMs } });
    if (decision.kind === 'wait') {
      untilMs = decision.untilMs;
      if (untilMs <= nowMs) throw new Error('waits for what is past');
      continue;
    }
    if (decision.kind === 'singles') {
      for (const atMs of waiting) messages.push({ atMs: nowMs, made: [atMs] });
      told.push(...singles(...waiting.map(() => nowMs)));
    } else {
      messages.push({ atMs: nowMs, made: waiting });
      told.push({ atMs: nowMs, notices: waiting.length });
      lastDigestMs = nowMs;
    }
    waiting = [];
  }
  return messages;
}

const bursts = fc
  .array(
    fc.record({
      atMs: fc.integer({ min: 0, max: 5 * windowMs }),
      size: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 40 })),
      overMs: fc.constantFrom(0, 10, 5_000, windowMs),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((list) =>
    list.flatMap(({ atMs, size, overMs }) =>
      Array.from({ length: size }, (_, n) => atMs + Math.floor((n * overMs) / size)),
    ),
  );
const aboves = fc.integer({ min: 1, max: 12 });

t.test('whatever comes: no storm, no long wait, nothing lost', async (t) => {
  const seen = { singles: 0, digests: 0 };
  fc.assert(
    fc.property(bursts, aboves, (madeMs, above) => {
      const messages = play(madeMs, { above });
      const told = messages.flatMap(({ made }) => made);
      if (told.length !== madeMs.length) return false;
      for (const { atMs, made } of messages) {
        seen[made.length === 1 ? 'singles' : 'digests'] += 1;
        const within = messages.filter((other) => other.atMs > atMs - windowMs && other.atMs <= atMs);
        if (within.length > above + 1) return false;
        if (within.filter(({ made }) => made.length > 1).length > 1) return false;
        if (made.some((its) => atMs - its > windowMs || atMs - its < 0)) return false;
      }
      return true;
    }),
    { numRuns: 2_000 },
  );
  // At most `above` + 1 messages and one digest within a window, each notice told once, within the window.
  t.ok(seen.singles > 1_000 && seen.digests > 1_000, JSON.stringify(seen));
});

t.test('whatever comes: those of a burst share a digest, or none is in one', async (t) => {
  let digests = 0;
  fc.assert(
    fc.property(bursts, aboves, fc.boolean(), (madeMs, above, isBatched) => {
      for (const { made } of play(madeMs, { above, isBatched })) {
        if (made.length === 1) continue;
        digests += 1;
        // All that had been made when the digest went is in it.
        const [first, last] = [made[0]!, made.at(-1)!];
        if (made.length !== madeMs.filter((its) => its >= first && its <= last).length) return false;
      }
      return true;
    }),
    { numRuns: 1_000 },
  );
  t.ok(digests > 500, `${digests} digests`);
});

t.test('a lone notice is told at once, whatever came more than a window ago', async (t) => {
  let lone = 0;
  fc.assert(
    fc.property(bursts, aboves, (madeMs, above) => {
      lone += 1;
      const loneMs = Math.max(...madeMs) + 3 * windowMs;
      const { atMs, made } = play([...madeMs, loneMs], { above }).at(-1)!;
      return made.length === 1 && made[0] === loneMs && atMs === loneMs;
    }),
    { numRuns: 500 },
  );
  t.equal(lone, 500);
});
