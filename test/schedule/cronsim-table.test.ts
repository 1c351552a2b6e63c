import t from 'tap';
import { CronOccurrences } from '../../server/schedule/cron-occurrences.ts';
import { differences, readCronsimTable, type TableRow } from './cronsim-table.ts';

/**
 * Where cronsim (or Python below it) is not what docs/decisions/0009-cron-and-daylight-saving.md promises. What we do
 * there is held against a clock that is read every minute: test/schedule/cron-properties.test.ts.
 */
const deliberate: { zone: string; expressions: string[]; years: 'all' | number[]; why: string }[] = [
  {
    zone: 'Australia/Lord_Howe',
    expressions: [
      ...['30 * * * *', '0 */2 * * *', '0 */3 * * *', '15 */4 * * *', '0 */5 * * *', '0 */24 * * *'],
      ...['*/30 0 * * *', '*/20 2 * * *', '*/15 3 * * *', '*/30 23 * * *', '* 2 * * 0'],
    ],
    years: 'all',
    why: 'cronsim looks for the hour in steps of an hour: after a change of half an hour it looks from half past only',
  },
  {
    zone: 'Asia/Kathmandu',
    expressions: ['*/30 23 * * *'],
    years: [1986],
    why: 'the same, after a change of a quarter of an hour',
  },
  {
    zone: 'Africa/Cairo',
    expressions: ['*/10 0 L * *'],
    years: [2027],
    why: 'cronsim has one occurrence at a midnight that is skipped, also when a * makes the expression follow the clock',
  },
  { zone: 'Pacific/Apia', expressions: ['*/30 * 30 12 *'], years: [2011], why: 'the same, for a day that is skipped' },
  {
    zone: 'America/Nuuk',
    expressions: ['30 23 * * *', '59 23 * * *'],
    years: [2023],
    why: 'zoneinfo takes 2023-10-28 23:00 to 24:00 for skipped, where zdump (and ICU) have no change',
  },
];

const { next } = new CronOccurrences();
const rows = readCronsimTable();

function deviates({ zone, expression }: TableRow, year: number): boolean {
  return deliberate.some(
    (entry) =>
      entry.zone === zone &&
      entry.expressions.includes(expression) &&
      (entry.years === 'all' || entry.years.includes(year)),
  );
}

t.test('the table is all there', async (t) => {
  t.ok(rows.length > 900, `${rows.length} lines`);
  t.equal(new Set(rows.map(({ zone }) => zone)).size, 10);
  const years = new Set(rows.flatMap((row) => row.years.map(({ year }) => year)));
  for (let year = 2023; year <= 2030; year++) t.ok(years.has(year), `${year}`);
});

for (const zone of new Set(rows.map((row) => row.zone))) {
  t.test(`${zone}: every occurrence is that of cronsim`, async (t) => {
    const found = rows
      .filter((row) => row.zone === zone)
      .flatMap((row) => differences({ ...row, years: row.years.filter(({ year }) => !deviates(row, year)) }, next));
    const hint = `no difference; new rules of a zone? ICU has ${process.versions.tz}, see scripts/cron-table.py`;
    t.same(found, [], hint);
  });
}

for (const { zone, expressions, years, why } of deliberate) {
  t.test(`${zone}: other than cronsim, since ${why}`, async (t) => {
    for (const expression of expressions) {
      const row = rows.find((each) => each.zone === zone && each.expression === expression);
      if (!row) throw new Error(`${expression} is not in the table`);
      const chosen = row.years.filter(({ year }) => years === 'all' || years.includes(year));
      t.equal(differences({ ...row, years: chosen }, next).length, chosen.length, expression);
    }
  });
}
