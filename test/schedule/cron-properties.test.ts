import fc from 'fast-check';
import t from 'tap';
import { CronOccurrences } from '../../server/schedule/cron-occurrences.ts';
import { type ModelCron, occurrencesByClock, type WallClock, wallClock } from './clock-model.ts';

const cron = new CronOccurrences();
const dayMs = 24 * 3_600_000;

/** A field as an expression has it, and the values that it allows. */
type ModelField = { text: string; values: Set<number> };

/** Fields made of `*`, a step through all, or a list of values and ranges, the ranges with steps. */
function fieldOf(options: { min: number; max: number; names?: string }): fc.Arbitrary<ModelField> {
  const { min, max, names } = options;
  const through = (from: number, to: number, step = 1) => {
    const values = new Set<number>();
    for (let value = from; value <= to; value += step) values.add(value);
    return values;
  };
  const written = (value: number, asName: boolean) => (asName && names?.split(' ')[value - min]) || `${value}`;
  const size = max - min + 1;
  const star = fc.constant({ text: '*', values: through(min, max) });
  const step = fc.integer({ min: 1, max: size }).map((by) => ({ text: `*/${by}`, values: through(min, max, by) }));
  const term = fc
    .record({
      ends: fc.tuple(fc.integer({ min, max }), fc.integer({ min, max })),
      by: fc.integer({ min: 1, max: size }),
      kind: fc.constantFrom('value', 'range', 'steps'),
      asName: fc.boolean(),
    })
    .map(({ ends, by, kind, asName }): ModelField => {
      const [from, to] = [Math.min(...ends), Math.max(...ends)];
      const range = `${written(from, asName)}-${written(to, asName)}`;
      if (kind === 'value') return { text: written(from, asName), values: new Set([from]) };
      return kind === 'range'
        ? { text: range, values: through(from, to) }
        : { text: `${range}/${by}`, values: through(from, to, by) };
    });
  const list = fc.array(term, { minLength: 1, maxLength: 3 }).map((terms) => ({
    text: terms.map(({ text }) => text).join(','),
    values: new Set(terms.flatMap(({ values }) => [...values])),
  }));
  return fc.oneof(star, step, list, list);
}

const anyDay = fc.constant<ModelField>({ text: '*', values: new Set(Array.from({ length: 32 }, (_, day) => day)) });

const crons: fc.Arbitrary<ModelCron> = fc
  .tuple(
    fieldOf({ min: 0, max: 59 }),
    fieldOf({ min: 0, max: 23 }),
    fc.oneof(anyDay, anyDay, fieldOf({ min: 1, max: 31 })),
    fc.oneof(anyDay, anyDay, fieldOf({ min: 1, max: 12, names: 'JAN feb Mar APR may Jun JUL aug Sep OCT nov Dec' })),
    fc.oneof(anyDay, anyDay, fieldOf({ min: 0, max: 7, names: 'SUN mon Tue WED thu Fri SAT' })),
  )
  .map((fields) => {
    const [minute, hour, dayOfMonth, month, dayOfWeek] = fields;
    return {
      expression: fields.map(({ text }) => text).join(' '),
      minutes: minute.values,
      hours: hour.values,
      daysOfMonth: dayOfMonth.values,
      months: month.values,
      daysOfWeek: new Set([...dayOfWeek.values].map((day) => day % 7)),
      fixedTime: !minute.text.startsWith('*') && !hour.text.startsWith('*'),
      bothDays: dayOfMonth.text.startsWith('*') || dayOfWeek.text.startsWith('*'),
    };
  })
  // What is in no year, such as 31 April, is refused: test/schedule/cron-problems.test.ts.
  .filter(({ expression }) => cron.expressionProblem(expression) === null);

/** Four days around changes of every kind: an hour on and back, half an hour, at midnight, before it, nearly a day. */
const watched: [string, string][] = [
  ['Europe/Berlin', '2024-03-29'],
  ['Europe/Berlin', '2024-10-25'],
  ['Australia/Lord_Howe', '2024-04-04'],
  ['Australia/Lord_Howe', '2024-10-03'],
  ['Africa/Cairo', '2027-04-28'],
  ['Africa/Cairo', '2024-10-29'],
  ['Africa/Casablanca', '2025-02-21'],
  ['America/Nuuk', '2024-03-29'],
  ['America/Nuuk', '2023-10-27'],
  ['Asia/Kathmandu', '1985-12-30'],
  ['Pacific/Apia', '2011-12-28'],
  ['Pacific/Kwajalein', '1969-09-29'],
  ['UTC', '2024-02-27'],
];
const clocks = new Map<string, WallClock>(
  watched.map(([timeZone, day]) => [
    `${timeZone} ${day}`,
    wallClock(timeZone, { fromMs: Date.parse(day), minutes: 4 * 1440 }),
  ]),
);

t.test('equals a model that looks at the clock every minute', async () => {
  fc.assert(
    fc.property(crons, fc.constantFrom(...watched), (model, [timeZone, day]) => {
      const clock = clocks.get(`${timeZone} ${day}`)!;
      const lastMs = clock.fromMs + (clock.shown.length - 1) * 60_000;
      const found: number[] = [];
      let ms: number | null = clock.fromMs;
      for (;;) {
        ms = cron.next({ expression: model.expression, timeZone }, ms);
        if (ms === null || ms > lastMs) break;
        found.push(ms);
      }
      return found.join() === occurrencesByClock(model, clock).join();
    }),
    { numRuns: 1000 },
  );
});

t.test('the next is later than asked for, and the next of every moment before it', async () => {
  const moment = fc.oneof(
    fc.integer({ min: Date.UTC(1970, 0), max: Date.UTC(2100, 0) }),
    fc
      .tuple(fc.constantFrom(...watched), fc.integer({ min: 0, max: 4 * dayMs }))
      .map(([[, day], ms]) => Date.parse(day) + ms),
  );
  const timeZone = fc.constantFrom(...watched.map(([zone]) => zone), 'America/New_York', 'America/Sao_Paulo');
  fc.assert(
    fc.property(crons, timeZone, moment, fc.double({ min: 0, max: 1, noNaN: true }), (model, zone, afterMs, part) => {
      const schedule = { expression: model.expression, timeZone: zone };
      const nextMs = cron.next(schedule, afterMs);
      if (nextMs === null) return true;
      const betweenMs = Math.min(afterMs + Math.floor((nextMs - afterMs) * part), nextMs - 1);
      return (
        Number.isInteger(nextMs) &&
        nextMs > afterMs &&
        cron.next(schedule, nextMs - 1) === nextMs &&
        cron.next(schedule, betweenMs) === nextMs &&
        cron.next(schedule, afterMs - 0.5) === cron.next(schedule, afterMs - 1)
      );
    }),
    { numRuns: 2000 },
  );
});
