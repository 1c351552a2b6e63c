import { join } from 'node:path';
import t from 'tap';
import { LatencyHistogram } from '../../bench/measure/latency-histogram.ts';
import { medianOf, ratioSpread, spreadOf } from '../../bench/measure/spread.ts';
import { type BenchResult, isMet, type Measure } from '../../bench/report/bench-result.ts';
import type { Machine } from '../../bench/report/machine.ts';
import { numberText, spreadText, targetText } from '../../bench/report/number-text.ts';
import { renderResults, withSummary } from '../../bench/report/render-results.ts';
import { readResults, withResult, writeResults } from '../../bench/report/results-file.ts';
import { markdownTable, measureTable, plainTable } from '../../bench/report/tables.ts';

const machine: Machine = {
  cores: 2,
  cpu: 'Test CPU',
  memoryGb: 4,
  system: 'linux 6 x64',
  dataOn: 'disk',
  node: '26.10.0',
  sqlite: '3.51.0',
  fastify: '5.0.0',
  connect: '2.2.0',
  connectFastify: '2.2.0',
  grpcJs: '1.14.7',
  tocsin: '0.1.0 abcdef0',
};

function measure(median: number, target?: Measure['target']): Measure {
  return { what: 'rate', unit: 'x', value: { median, min: median, max: median }, target };
}

function result(name: string, over: Partial<BenchResult> = {}): BenchResult {
  return {
    name,
    title: `about ${name}`,
    ranAt: '2026-01-02T03:04:05.000Z',
    tookS: 9.6,
    settings: { rounds: 5 },
    machine,
    subjects: [],
    measures: [measure(0.91, { atLeast: 0.9 })],
    notes: [{ text: `Note on ${name}.` }],
    ...over,
  };
}

t.test('spread', async (t) => {
  t.equal(medianOf([3, 1, 2]), 2);
  t.equal(medianOf([4, 1, 2, 3]), 2.5);
  t.equal(medianOf([10, 9, 100]), 10, 'sorted as numbers');
  t.throws(() => medianOf([]), RangeError);
  t.same(spreadOf([5, 7, 6]), { median: 6, min: 5, max: 7 });
  t.same(ratioSpread([10, 30, 20], [10, 10, 10]), { median: 2, min: 1, max: 3 });
  t.throws(() => ratioSpread([1], [1, 2]), RangeError);
});

t.test('latency histogram against sorting', async (t) => {
  const histogram = new LatencyHistogram();
  t.equal(histogram.quantileMs(0.99), 0, 'nothing recorded');
  const values: number[] = [];
  let state = 1;
  for (let index = 0; index < 20_000; index++) {
    state = (state * 48_271) % 2_147_483_647;
    // From 1 µs to 20 s, as many short ones as long ones.
    const ms = 0.001 * 2e7 ** (state / 2_147_483_647);
    values.push(ms);
    histogram.record(ms);
  }
  values.sort((a, b) => a - b);
  for (const quantile of [0.01, 0.5, 0.9, 0.99, 0.999, 1]) {
    const exact = values[Math.ceil(quantile * values.length) - 1]!;
    const found = histogram.quantileMs(quantile);
    t.ok(found >= exact - 1e-9 && found <= exact * 1.017 + 0.001, `${quantile}: ${found} for ${exact}`);
  }
  t.equal(histogram.maxMs, values.at(-1));
  t.equal(histogram.count, values.length);

  const extremes = new LatencyHistogram();
  extremes.record(-1);
  extremes.record(1e9);
  t.equal(extremes.quantileMs(0.5), 0.001, 'a negative time counts as the shortest');
  t.equal(extremes.maxMs, 1e9);
  t.ok(extremes.quantileMs(1) > 60_000, 'what is longer than the last bucket is in it');
});

t.test('figures as text', async (t) => {
  t.same([0.0213, 0.854, 12.34, 456.7, 78_901.2, 3, 128].map(numberText), [
    '0.021',
    '0.85',
    '12.3',
    '457',
    '78,901',
    '3',
    '128',
  ]);
  t.equal(spreadText({ median: 0.9, min: 0.8, max: 1 }, 'x'), '0.90 x (0.80 to 1)');
  t.equal(spreadText({ median: 5, min: 5, max: 5 }, 'ms'), '5 ms');
  t.equal(targetText(measure(1, { atLeast: 0.85 })), '≥ 0.85 x');
  t.equal(targetText(measure(1, { atMost: 2 })), '≤ 2 x');
  t.equal(targetText(measure(1)), '');
  t.same([isMet(measure(2, { atLeast: 2 })), isMet(measure(1.9, { atLeast: 2 }))], [true, false]);
  t.same(
    [isMet(measure(2, { atMost: 2 })), isMet(measure(2.1, { atMost: 2 })), isMet(measure(2))],
    [true, false, null],
  );
});

t.test('tables', async (t) => {
  const table = measureTable([measure(0.5, { atLeast: 0.9 }), measure(12)]);
  t.equal(
    plainTable(table),
    ['measure  target    measured  met', 'rate     ≥ 0.90 x  0.50 x    no', 'rate               12 x', ''].join('\n'),
  );
  const markdown = markdownTable([
    ['a', 'word'],
    ['1|2', '3'],
  ]);
  t.equal(markdown, '| a    | word |\n| ---- | ---- |\n| 1\\|2 | 3    |\n');
});

t.test('results are kept until their benchmark runs again', async (t) => {
  const path = join(t.testdir(), 'results.json');
  t.same(readResults(path), { benches: [] });
  const order = ['first', 'second', 'third'];
  const add = (added: BenchResult): void => writeResults(path, withResult(readResults(path), { result: added, order }));
  add(result('third'));
  add(result('first'));
  add(result('second', { measures: [measure(1 / 3)] }));
  add(result('first', { ranAt: '2026-02-02T00:00:00.000Z' }));
  const { benches } = readResults(path);
  t.same(
    benches.map(({ name, ranAt }) => `${name} ${ranAt.slice(0, 10)}`),
    ['first 2026-02-02', 'second 2026-01-02', 'third 2026-01-02'],
  );
  t.equal(benches[1]!.measures[0]!.value.median, 0.33333, 'rounded');
});

t.test('the page', async (t) => {
  t.match(
    renderResults({ benches: [] }, () => ''),
    /None yet/,
  );
  const older = result('first', {
    machine: { ...machine, node: '24.0.0' },
    measures: [measure(0.5, { atLeast: 0.9 })],
    subjects: [
      {
        subject: 'bare Fastify',
        ratePerS: { median: 50_000, min: 49_000, max: 51_000 },
        cpuUs: spreadOf([12.5]),
        p50Ms: spreadOf([1]),
        p99Ms: spreadOf([2]),
        serverBusy: 0.987,
        loadBusy: 0.5,
      },
    ],
  });
  const newer = result('second', { ranAt: '2026-03-01T10:00:00.000Z' });
  const page = renderResults({ benches: [older, newer] }, (name) =>
    name === 'first' ? 'What bounds it.\n' : '',
  ).replace(/ +/g, ' ');
  t.match(page, '| first | rate | ≥ 0.90 x | 0.50 x | no | 2026-01-02 |');
  t.match(page, '| second | rate | ≥ 0.90 x | 0.91 x | yes | 2026-03-01 |');
  t.match(page, '| Node | 26.10.0 |', 'the machine of the newest run');
  t.match(page, 'Run at 2026-01-02 03:04 UTC in 10 s; rounds 5; Node 24.0.0.', 'what differs is said');
  t.match(page, 'Run at 2026-03-01 10:00 UTC in 10 s; rounds 5.');
  t.match(page, '| bare Fastify | 50,000 (49,000 to 51,000) | 12.5 | 1 | 2 | 99 % | 50 % |');
  t.match(page, 'Note on first.');
  t.equal(page.split('What bounds it.').length, 2, 'findings stand with their benchmark');
});

t.test('the quote in a README', async (t) => {
  const readme = 'before\n<!-- bench -->\nold $1\n<!-- /bench -->\nafter\n';
  const quoted = withSummary(readme, '| $& |\n');
  t.equal(quoted, 'before\n<!-- bench -->\n\n| $& |\n\n<!-- /bench -->\nafter\n');
  t.equal(withSummary(quoted, '| $& |\n'), quoted, 'the same again');
  t.equal(withSummary('no place\n', 'x'), 'no place\n');
});
