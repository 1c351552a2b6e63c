import t from 'tap';
import { CronOccurrences } from '../../server/schedule/cron-occurrences.ts';

const cron = new CronOccurrences();

/** The first `count` occurrences after a moment, as ISO times without seconds. */
function occurrences(options: { expression: string; timeZone: string; after: string; count: number }): string[] {
  const { expression, timeZone, after, count } = options;
  const found: string[] = [];
  let atMs: number | null = Date.parse(after);
  while (found.length < count) {
    atMs = cron.next({ expression, timeZone }, atMs);
    if (atMs === null) break;
    found.push(new Date(atMs).toISOString().slice(0, 16));
  }
  return found;
}

t.test('a fixed time that the clock skips is due at the change, and once', async (t) => {
  const gap = { timeZone: 'Europe/Berlin', after: '2024-03-30T12:00Z', count: 2 };
  for (const expression of ['30 2 * * *', '0,15,30,45 2 * * *', '0-59 2-2 * * *']) {
    t.equal(occurrences({ ...gap, expression })[0], '2024-03-31T01:00', expression);
  }
  t.same(occurrences({ ...gap, expression: '30 2 * * *' }), ['2024-03-31T01:00', '2024-04-01T00:30']);
  t.same(occurrences({ ...gap, expression: '30 2,3 * * *' }), ['2024-03-31T01:00', '2024-03-31T01:30']);
  t.same(
    occurrences({ expression: '30 23 * * *', timeZone: 'America/Nuuk', after: '2024-03-30T12:00Z', count: 2 }),
    ['2024-03-31T01:00', '2024-04-01T00:30'],
    'also when the change ends the day',
  );
  t.same(
    occurrences({ expression: '0 12 * * *', timeZone: 'Pacific/Apia', after: '2011-12-29T12:00Z', count: 3 }),
    ['2011-12-29T22:00', '2011-12-30T10:00', '2011-12-30T22:00'],
    'also when it skips a whole day',
  );
});

t.test('a fixed time that comes twice is due the first time', async (t) => {
  const overlap = { timeZone: 'Europe/Berlin', expression: '30 2 * * *', count: 1 };
  t.same(occurrences({ ...overlap, after: '2024-10-26T12:00Z' }), ['2024-10-27T00:30']);
  t.same(occurrences({ ...overlap, after: '2024-10-27T00:30Z' }), ['2024-10-28T01:30']);
  t.same(occurrences({ ...overlap, after: '2024-10-27T01:10Z' }), ['2024-10-28T01:30'], 'seen from within the second');
});

t.test('a * in minute or hour follows the clock as it goes', async (t) => {
  const zone = { timeZone: 'Europe/Berlin', expression: '*/30 2 * * *' };
  t.same(occurrences({ ...zone, after: '2024-03-30T12:00Z', count: 1 }), ['2024-04-01T00:00'], 'no such hour');
  t.same(
    occurrences({ ...zone, after: '2024-10-26T12:00Z', count: 5 }),
    ['2024-10-27T00:00', '2024-10-27T00:30', '2024-10-27T01:00', '2024-10-27T01:30', '2024-10-28T01:00'],
    'the hour that comes twice',
  );
  t.same(
    occurrences({ expression: '0 * * * *', timeZone: 'Europe/Berlin', after: '2024-03-31T00:00Z', count: 2 }),
    ['2024-03-31T01:00', '2024-03-31T02:00'],
    'every hour of real time',
  );
});

t.test('both day fields must match when one begins with *, else one is enough', async (t) => {
  const utc = { timeZone: 'UTC', after: '2024-01-01T00:00Z', count: 3 };
  t.same(occurrences({ ...utc, expression: '0 0 13 * FRI' }), [
    '2024-01-05T00:00',
    '2024-01-12T00:00',
    '2024-01-13T00:00',
  ]);
  t.same(occurrences({ ...utc, expression: '0 0 */10 * MON' }), [
    '2024-03-11T00:00',
    '2024-04-01T00:00',
    '2024-07-01T00:00',
  ]);
});

t.test('the last day, the last weekday, the second and the last Friday', async (t) => {
  const utc = { timeZone: 'UTC', after: '2024-01-31T12:00Z', count: 2 };
  t.same(occurrences({ ...utc, expression: '0 0 L * *' }), ['2024-02-29T00:00', '2024-03-31T00:00']);
  t.same(occurrences({ ...utc, expression: '0 0 LW * *' }), ['2024-02-29T00:00', '2024-03-29T00:00']);
  t.same(occurrences({ ...utc, expression: '0 0 * * fri#2' }), ['2024-02-09T00:00', '2024-03-08T00:00']);
  t.same(occurrences({ ...utc, expression: '0 0 * * 5L' }), ['2024-02-23T00:00', '2024-03-29T00:00']);
  t.same(occurrences({ ...utc, expression: '0 0 * * FRI-SUN' }), ['2024-02-02T00:00', '2024-02-03T00:00']);
});

t.test('what is rare is found, across the leap year that 2100 is not', async (t) => {
  const leapSundays = { expression: '0 0 29 2 */7', timeZone: 'Europe/Berlin', after: '2088-03-01T00:00Z', count: 2 };
  t.same(occurrences(leapSundays), ['2128-02-28T23:00', '2156-02-28T23:00']);
  const everyMinute = { ...leapSundays, expression: '* * 29 2 */7', count: 1 };
  t.same(occurrences(everyMinute), ['2128-02-28T23:00']);
});

t.test('there is none any more', async (t) => {
  const onlyInTheGap = { expression: '* 2 * 3 SUNL', timeZone: 'Europe/Berlin' };
  t.equal(cron.next(onlyInTheGap, Date.parse('2024-01-01T00:00Z')), null, 'each of them is skipped');
  for (const afterMs of [8.64e15, -8.64e15, Number.MAX_VALUE, Number.NaN, Number.POSITIVE_INFINITY]) {
    t.equal(cron.next({ expression: '* * * * *', timeZone: 'UTC' }, afterMs), null, `${afterMs}`);
  }
});

t.test('a schedule that was never checked', async (t) => {
  t.throws(() => cron.next({ expression: '61 * * * *', timeZone: 'UTC' }, 0), RangeError);
  t.throws(() => cron.next({ expression: '* * * * *', timeZone: 'No/Where' }, 0), RangeError);
});
