import fc from 'fast-check';
import t from 'tap';
import {
  type MaintenanceSpan,
  type MaintenanceWindow,
  maintenanceOverlap,
  maxJoinedWindows,
} from '../../../server/engine/domain/maintenance.ts';
import type { CronSchedule } from '../../../server/engine/domain/schedule.ts';
import { CronOccurrences } from '../../../server/schedule/cron-occurrences.ts';

const cron = new CronOccurrences();
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const at = (iso: string) => Date.parse(iso);

function overlap(windows: MaintenanceWindow[], from: string, to = from) {
  const span = maintenanceOverlap(windows, { fromMs: at(from), toMs: at(to) }, cron.next);
  return span && [span.fromMs, span.toMs].map((ms) => new Date(ms).toISOString().slice(0, 16));
}

const once = (from: string, to: string): MaintenanceWindow => ({ kind: 'once', fromMs: at(from), toMs: at(to) });
const recurring = (expression: string, durationMs: number, timeZone = 'UTC'): MaintenanceWindow => ({
  kind: 'recurring',
  cron: { expression, timeZone },
  durationMs,
});

t.test('a window begins at its start and is over at its end; the range includes both of its ends', async (t) => {
  const windows = [once('2024-05-01T10:00Z', '2024-05-01T11:00Z')];
  const whole = ['2024-05-01T10:00', '2024-05-01T11:00'];
  t.same(overlap(windows, '2024-05-01T10:00Z'), whole);
  t.same(overlap(windows, '2024-05-01T10:59:59.999Z'), whole);
  t.equal(overlap(windows, '2024-05-01T11:00Z'), null);
  t.equal(overlap(windows, '2024-05-01T09:00Z', '2024-05-01T09:59:59.999Z'), null);
  t.same(overlap(windows, '2024-05-01T09:00Z', '2024-05-01T10:00Z'), whole);
  t.equal(overlap([], '2024-05-01T10:00Z'), null);
});

t.test('what has no length covers nothing', async (t) => {
  const windows = [
    once('2024-05-01T11:00Z', '2024-05-01T10:00Z'),
    recurring('* * * * *', 0),
    recurring('* * * * *', -1),
  ];
  t.equal(overlap(windows, '2024-05-01T09:00Z', '2024-05-01T12:00Z'), null);
});

t.test('windows that touch or overlap are one, in whatever order they are given', async (t) => {
  const windows = [
    once('2024-05-01T12:00Z', '2024-05-01T12:30Z'),
    once('2024-05-01T10:00Z', '2024-05-01T11:00Z'),
    recurring('0 11 * * *', hourMs),
    once('2024-05-01T12:31Z', '2024-05-01T13:00Z'),
    once('2024-05-01T10:10Z', '2024-05-01T10:20Z'),
  ];
  t.same(overlap(windows, '2024-05-01T09:00Z', '2024-05-01T10:30Z'), ['2024-05-01T10:00', '2024-05-01T12:30']);
  t.same(overlap(windows, '2024-05-01T11:30Z'), ['2024-05-01T11:00', '2024-05-01T12:30'], 'what led up to it is over');
});

t.test('a recurring window on the nights of both changes of the clock', async (t) => {
  const nightly = [recurring('30 2 * * *', hourMs, 'Europe/Berlin')];
  t.same(
    overlap(nightly, '2024-03-30T12:00Z', '2024-03-31T12:00Z'),
    ['2024-03-31T01:00', '2024-03-31T02:00'],
    'the skipped start is the moment of the change',
  );
  t.same(
    overlap(nightly, '2024-10-26T12:00Z', '2024-10-27T12:00Z'),
    ['2024-10-27T00:30', '2024-10-27T01:30'],
    'once, and for an hour of real time',
  );
  const daily = [recurring('0 0 * * *', 24 * hourMs, 'Europe/Berlin')];
  t.equal(overlap(daily, '2024-10-27T22:30Z'), null, 'that day has an hour more');
});

t.test(
  'windows that never end are followed for a bounded number of windows, and further when asked again',
  async (t) => {
    const always = recurring('* * * * *', 90_000);
    let calls = 0;
    const counted = (schedule: CronSchedule, afterMs: number) => {
      calls++;
      return cron.next(schedule, afterMs);
    };
    let fromMs = at('2024-05-01T00:00Z');
    for (let round = 0; round < 3; round++) {
      calls = 0;
      const span = maintenanceOverlap([always], { fromMs, toMs: fromMs }, counted)!;
      t.ok(calls <= maxJoinedWindows + 2, `${calls} calls`);
      t.ok(span.toMs > fromMs + (maxJoinedWindows / 2) * minuteMs, 'it leads on');
      fromMs = span.toMs;
    }
  },
);

/** Minutes of the model, around both changes of 2024 in Berlin, and what comes before them. */
const horizonMinutes = 3 * 24 * 60;
const starts = ['2024-03-30T00:00Z', '2024-10-26T00:00Z', '2024-06-01T00:00Z'].map(at);

type ModelSpan = { from: number; to: number };

/** Every time that a window covers, found by trying each minute as a start. Minutes since `startMs`. */
function spansByMinute(window: MaintenanceWindow, startMs: number): ModelSpan[] {
  if (window.kind === 'once') {
    return [{ from: (window.fromMs - startMs) / minuteMs, to: (window.toMs - startMs) / minuteMs }];
  }
  const length = window.durationMs / minuteMs;
  const spans: ModelSpan[] = [];
  for (let minute = -length; minute < horizonMinutes; minute++) {
    const ms = startMs + minute * minuteMs;
    if (cron.next(window.cron, ms - 1) === ms) spans.push({ from: minute, to: minute + length });
  }
  return spans;
}

/** The model: paints the minutes that are covered, then looks along them. An end at the horizon is open. */
function modelOverlap(windows: MaintenanceWindow[], startMs: number, range: ModelSpan): ModelSpan | null {
  const spans = windows.flatMap((window) => spansByMinute(window, startMs));
  const covered = new Set<number>();
  for (const { from, to } of spans) {
    for (let minute = Math.max(from, 0); minute < Math.min(to, horizonMinutes); minute++) covered.add(minute);
  }
  let first = range.from;
  while (first <= range.to && !covered.has(first)) first++;
  if (first > range.to) return null;
  const reaching = spans.filter(({ from, to }) => from <= first && first < to).map(({ from }) => from);
  let end = first;
  while (covered.has(end)) end++;
  return { from: Math.min(...reaching), to: end };
}

/** As a caller does that wants the end: asks again at the end of each answer. */
function followToEnd(windows: MaintenanceWindow[], span: MaintenanceSpan, limitMs: number): number {
  let { toMs } = span;
  while (toMs < limitMs) {
    const more = maintenanceOverlap(windows, { fromMs: toMs, toMs }, cron.next);
    if (!more) break;
    toMs = more.toMs;
  }
  return Math.min(toMs, limitMs);
}

t.test('equals a model that looks at every minute', async () => {
  const expressions = [
    '* * * * *',
    '*/7 * * * *',
    '30 2 * * *',
    '0 2,3 * * *',
    '15 */5 * * *',
    '0 0 * * SUN',
    '59 1 * * *',
  ];
  const timeZones = ['Europe/Berlin', 'UTC', 'Australia/Lord_Howe'];
  const minutes = fc.integer({ min: 1, max: 100 }).chain((max) => fc.integer({ min: 1, max: max * 15 }));
  const scenario = fc.constantFrom(...starts).chain((startMs) => {
    const single = fc
      .tuple(fc.integer({ min: -300, max: horizonMinutes }), minutes)
      .map(([from, length]): MaintenanceWindow => {
        const fromMs = startMs + from * minuteMs;
        return { kind: 'once', fromMs, toMs: fromMs + length * minuteMs };
      });
    const repeated = fc
      .tuple(fc.constantFrom(...expressions), fc.constantFrom(...timeZones), minutes)
      .map(([expression, timeZone, length]) => recurring(expression, length * minuteMs, timeZone));
    const from = fc.integer({ min: 0, max: horizonMinutes - 600 });
    const range = fc
      .tuple(from, fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 599 })))
      .map(([start, length]) => ({ from: start, to: start + length }));
    return fc.record({
      startMs: fc.constant(startMs),
      windows: fc.array(fc.oneof(single, repeated), { maxLength: 4 }),
      range,
    });
  });
  fc.assert(
    fc.property(scenario, ({ startMs, windows, range }) => {
      const ms = (minute: number) => startMs + minute * minuteMs;
      const model = modelOverlap(windows, startMs, range);
      const span = maintenanceOverlap(windows, { fromMs: ms(range.from), toMs: ms(range.to) }, cron.next);
      if (!model || !span) return model === null && span === null;
      return span.fromMs === ms(model.from) && followToEnd(windows, span, ms(horizonMinutes)) === ms(model.to);
    }),
    { numRuns: 150 },
  );
});
