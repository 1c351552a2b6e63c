import t from 'tap';
import { beatTime } from '../../../server/engine/domain/beat-time.ts';
import { beatOf, clockMs, monitorOf, tenMs } from '../cast.ts';

const tenS = tenMs / 1000;

type Row = {
  what: string;
  /** The stamp; null: none. */
  stampS: number | null;
  receivedMs?: number;
  lastBeatMs?: number | null;
  beatId?: string;
  expected: ['current' | 'stale', number] | 'rejected';
};

const rows: Row[] = [
  {
    what: 'without a stamp the receipt counts',
    stampS: null,
    receivedMs: tenMs + 123,
    expected: ['current', tenMs + 123],
  },
  {
    what: 'without a stamp it is never stale, even when the clock went back',
    stampS: null,
    receivedMs: tenMs - 90_000,
    lastBeatMs: tenMs,
    expected: ['current', tenMs - 90_000],
  },
  { what: 'a stamp counts', stampS: tenS - 30, lastBeatMs: null, expected: ['current', tenMs - 30_000] },
  { what: 'an old stamp of a first beat', stampS: 0, lastBeatMs: null, expected: ['current', 0] },
  { what: 'newer than the last', stampS: tenS - 5, lastBeatMs: tenMs - 6_000, expected: ['current', tenMs - 5_000] },
  { what: 'equal to the last', stampS: tenS - 5, lastBeatMs: tenMs - 5_000, expected: ['current', tenMs - 5_000] },
  {
    what: 'in the second of the last it counts as its time, not as earlier',
    stampS: tenS - 5,
    lastBeatMs: tenMs - 4_001,
    expected: ['current', tenMs - 4_001],
  },
  { what: 'a second older', stampS: tenS - 6, lastBeatMs: tenMs - 5_000, expected: 'rejected' },
  {
    what: 'a second older by whole seconds only',
    stampS: tenS - 6,
    lastBeatMs: tenMs - 5_000 + 999,
    expected: 'rejected',
  },
  {
    what: 'older, with a beat id',
    stampS: tenS - 6,
    lastBeatMs: tenMs - 5_000,
    beatId: 'b1',
    expected: ['stale', tenMs - 6_000],
  },
  { what: 'ahead by a second: clamped', stampS: tenS + 1, expected: ['current', tenMs] },
  { what: 'ahead by 60 s: clamped', stampS: tenS + 60, expected: ['current', tenMs] },
  { what: 'ahead by more than 60 s', stampS: tenS + 61, expected: 'rejected' },
  { what: 'ahead by 60 s and a bit', stampS: tenS + 61, receivedMs: tenMs + 999, expected: 'rejected' },
  { what: 'ahead, with a beat id', stampS: tenS + 61, beatId: 'b1', expected: 'rejected' },
  {
    what: 'ahead and clamped within the second of the last',
    stampS: tenS + 30,
    receivedMs: tenMs + 700,
    lastBeatMs: tenMs + 650,
    expected: ['current', tenMs + 700],
  },
];

t.test('which time a beat counts for', async (t) => {
  for (const { what, stampS, receivedMs = tenMs, lastBeatMs, beatId = '', expected } of rows) {
    const monitor = lastBeatMs === undefined ? undefined : monitorOf({ lastBeatMs });
    const time = beatTime(beatOf({ stampS, receivedMs, beatId }), monitor);
    t.same(time.kind === 'rejected' ? 'rejected' : [time.kind, time.atMs], expected, what);
    if (time.kind === 'rejected') t.match(time.rejection, { code: 'invalid_argument', field: 'timestamp' }, what);
  }
});

t.test('errors say what is valid and what came', async (t) => {
  const future = beatTime(beatOf({ stampS: tenS + 3_600 }), undefined);
  t.match(future, {
    rejection: { message: `at most 60 s ahead of the server's clock (${tenS}); got ${tenS + 3_600}` },
  });
  t.notMatch(future, { rejection: { message: /milliseconds/ } }, 'an hour ahead is not a mistaken unit');

  const ms = beatTime(beatOf({ stampS: clockMs('09:59:00') }), undefined);
  t.match(ms, { rejection: { message: /looks like milliseconds, divide by 1000/ } });

  const stale = beatTime(beatOf({ stampS: tenS - 60 }), monitorOf({ lastBeatMs: tenMs + 400 }));
  t.match(stale, {
    rejection: { message: `must not be older than the last beat, which is ${tenS}; got ${tenS - 60}` },
  });
});
