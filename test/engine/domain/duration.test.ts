import fc from 'fast-check';
import t from 'tap';
import {
  formatDuration,
  maxDurationMs,
  minFrequencyMs,
  parseDuration,
} from '../../../server/engine/domain/duration.ts';

const unitMs = { s: 1000, m: 60_000, h: 3_600_000, D: 86_400_000, W: 604_800_000 };

t.test('every unit', async (t) => {
  for (const [unit, ms] of Object.entries(unitMs)) t.same(parseDuration(`3${unit}`), { ok: true, ms: 3 * ms }, unit);
});

t.test('accepted as they are', async (t) => {
  const cases: [string, number][] = [
    ['0s', 0],
    ['0W', 0],
    ['007m', 420_000],
    [`${'0'.repeat(400)}1s`, 1000],
    ['31622400s', maxDurationMs],
    ['366D', maxDurationMs],
    ['52W', 52 * unitMs.W],
  ];
  for (const [text, ms] of cases) t.same(parseDuration(text), { ok: true, ms }, text.slice(0, 12));
});

t.test('refused', async (t) => {
  const bad = [
    ...[
      '10M',
      '10',
      'm',
      '1.5h',
      '10ms',
      ' 10m',
      '10m ',
      '-5m',
      '+5m',
      '',
      ' ',
      '10S',
      '10d',
      '10w',
      '10H',
      'Infinitys',
    ],
    ...[
      '1e3s',
      '0x10s',
      '1_000s',
      '１０m',
      '10µs',
      'NaNs',
      '1h30m',
      's10',
      '10m\n',
      '10\u0000m',
      '10y',
      '--1s',
      '\ud800s',
    ],
    ...['31622401s', '367D', '53W', '99999999999D', `${'9'.repeat(5000)}W`, `1${'0'.repeat(400)}s`],
  ];
  for (const text of bad) t.equal(parseDuration(text).ok, false, JSON.stringify(text.slice(0, 20)));
});

t.test('the range is inclusive and the problem tells it', async (t) => {
  t.same(parseDuration('1s', { minMs: minFrequencyMs }), { ok: true, ms: 1000 });
  t.same(parseDuration('1m', { maxMs: 60_000 }), { ok: true, ms: 60_000 });
  t.equal(parseDuration('61s', { maxMs: 60_000 }).ok, false);
  t.same(parseDuration('0s', { minMs: minFrequencyMs }), {
    ok: false,
    problem: 'must be from 1s to 366D',
  });
  t.same(parseDuration('2h', { minMs: 10_000, maxMs: 3_600_000 }), {
    ok: false,
    problem: 'must be from 10s to 1h',
  });
  t.same(parseDuration('2x', { minMs: 10_000, maxMs: 3_600_000 }), {
    ok: false,
    problem: 'must be a whole number and one of W, D, h, m, s, such as 10m, from 10s to 1h',
  });
});

t.test(
  'a unit of the wrong case gets a hint, unless it could mean something else or would not do either',
  async (t) => {
    const problem = (text: string): string => {
      const parsed = parseDuration(text);
      return parsed.ok ? '' : parsed.problem;
    };
    const form = 'must be a whole number and one of W, D, h, m, s, such as 10m, from 0s to 366D';
    const meant = { '5d': '5D', '2w': '2W', '5H': '5h', '007S': '007s' };
    for (const [text, other] of Object.entries(meant)) t.equal(problem(text), `${form}; did you mean ${other}?`);
    for (const text of ['10M', '5x', '1.5H', 'd', '367d', `${'0'.repeat(400)}1d`]) t.equal(problem(text), form, text);
  },
);

t.test('the shortest form', async (t) => {
  const cases: [number, string][] = [
    [0, '0s'],
    [1000, '1s'],
    [60_000, '1m'],
    [90_000, '90s'],
    [600_000, '10m'],
    [3_600_000, '1h'],
    [5_400_000, '90m'],
    [86_400_000, '1D'],
    [604_800_000, '1W'],
    [8 * 86_400_000, '8D'],
    [maxDurationMs, '366D'],
    [1, '1s'],
    [1500, '2s'],
  ];
  for (const [ms, text] of cases) t.equal(formatDuration(ms), text);
});

t.test('round trip', async () => {
  const seconds = fc.integer({ min: 0, max: maxDurationMs / 1000 });
  fc.assert(
    fc.property(seconds, (count) => {
      const text = formatDuration(count * 1000);
      const parsed = parseDuration(text);
      return parsed.ok && parsed.ms === count * 1000 && text.length <= `${count}s`.length;
    }),
  );
});

t.test('agrees with the pattern on any text', async () => {
  const digitsAndUnits = fc.string({ unit: fc.constantFrom(...'0123456789WDhmsM .-+'), maxLength: 8 });
  fc.assert(
    fc.property(fc.oneof(fc.string(), digitsAndUnits), (text) => {
      const match = /^([0-9]+)([WDhms])$/.exec(text);
      const ms = match ? Number(match[1]) * unitMs[match[2] as keyof typeof unitMs] : Number.NaN;
      const parsed = parseDuration(text);
      return ms <= maxDurationMs ? parsed.ok && parsed.ms === ms : !parsed.ok;
    }),
    { numRuns: 2000 },
  );
});
