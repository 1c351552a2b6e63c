import { create, type MessageInitShape } from '@bufbuild/protobuf';
import t from 'tap';
import { MonitorSchema } from '../../gen/ts/tocsin/v1/monitor_pb.ts';
import { CronOccurrences } from '../../server/schedule/cron-occurrences.ts';
import { fieldOf } from '../../server/service/call-error.ts';
import { type MonitorReading, readMonitor } from '../../server/service/read-monitor.ts';

const cron = new CronOccurrences();
const checks = {
  channels: new Set(['default', 'ops']),
  expressionProblem: (expression: string) => cron.expressionProblem(expression),
  timeZoneProblem: (timeZone: string) => cron.timeZoneProblem(timeZone),
};
const pingId = '0f8fad5b-d9cb-469f-a165-70867728950e';

type Init = MessageInitShape<typeof MonitorSchema>;

function read(init: Init, options: Partial<MonitorReading> = {}) {
  return readMonitor(create(MonitorSchema, { name: 'job', ...init }), { mode: 'upsert', checks, ...options });
}

function problem(init: Init, options: Partial<MonitorReading> = {}): { field: string | undefined; message: string } {
  const result = read(init, options);
  return result.ok
    ? { field: undefined, message: '' }
    : { field: fieldOf(result.error), message: result.error.rawMessage };
}

t.test('what is left out has its default', async (t) => {
  t.strictSame(read({ frequency: '5m' }), {
    ok: true,
    configuration: {
      name: 'job',
      mode: 'upsert',
      etag: null,
      patch: {
        frequencyMs: 300_000,
        cron: null,
        graceMs: null,
        description: '',
        maxRunMs: null,
        minRunMs: null,
        minIntervalMs: null,
        failuresToAlert: 1,
        beatsToRecover: 1,
        tags: [],
        channels: [],
        dependsOn: [],
        maintenance: [],
        severity: 'critical',
      },
    },
  });
});

t.test('every field that people may set', async (t) => {
  const result = read(
    {
      cron: '0 3 * * *',
      timeZone: 'Europe/Berlin',
      grace: '0s',
      description: 'Nightly\nbackup ü',
      maxRun: '2h',
      minRun: '1s',
      minInterval: '1h',
      failuresToAlert: 3,
      beatsToRecover: 2,
      tags: ['db', 'über'],
      channels: ['ops'],
      dependsOn: ['network'],
      maintenance: [
        { start: { seconds: 10n, nanos: 500_000_000 }, end: { seconds: 20n } },
        { cron: '0 4 * * 0', duration: '2h', timeZone: 'Europe/Berlin' },
        { cron: '@daily', duration: '31D' },
      ],
      severity: 'warning',
      pingId: pingId.toUpperCase(),
      etag: 'abc',
    },
    { mode: 'create' },
  );
  t.strictSame(result, {
    ok: true,
    configuration: {
      name: 'job',
      mode: 'create',
      etag: 'abc',
      patch: {
        frequencyMs: 0,
        cron: { expression: '0 3 * * *', timeZone: 'Europe/Berlin' },
        graceMs: 0,
        description: 'Nightly\nbackup ü',
        maxRunMs: 7_200_000,
        minRunMs: 1_000,
        minIntervalMs: 3_600_000,
        failuresToAlert: 3,
        beatsToRecover: 2,
        tags: ['db', 'über'],
        channels: ['ops'],
        dependsOn: ['network'],
        maintenance: [
          { kind: 'once', fromMs: 10_500, toMs: 20_000 },
          {
            kind: 'recurring',
            cron: { expression: '0 4 * * 0', timeZone: 'Europe/Berlin' },
            durationMs: 7_200_000,
          },
          { kind: 'recurring', cron: { expression: '@daily', timeZone: 'UTC' }, durationMs: 31 * 86_400_000 },
        ],
        severity: 'warning',
        pingId,
      },
    },
  });
});

t.test('an update is what its mask names', async (t) => {
  const patch = (mask: string[], init: Init) => {
    const result = read(init, { mode: 'update', mask });
    return result.ok ? result.configuration.patch : result.error.rawMessage;
  };
  t.strictSame(patch(['tags', 'name', 'etag'], { tags: ['a'], grace: 'not looked at' }), { tags: ['a'] });
  t.strictSame(patch(['grace', 'max_run'], {}), { graceMs: null, maxRunMs: null });
  t.strictSame(patch(['frequency'], { frequency: '1m', cron: 'not looked at' }), { frequencyMs: 60_000, cron: null });
  t.strictSame(patch(['frequency', 'cron'], { cron: '@daily' }), { frequencyMs: 0, cron: { expression: '@daily' } });
  t.strictSame(patch(['cron'], { cron: '@daily' }), { cron: { expression: '@daily' } }, 'the time zone stays');
  t.strictSame(patch(['time_zone'], { timeZone: 'Asia/Tokyo' }), { cron: { timeZone: 'Asia/Tokyo' } });
  t.strictSame(patch(['cron', 'time_zone'], {}), { cron: null });
  t.strictSame(patch(['ping_id'], {}), {}, 'the ping id stays');
  t.strictSame(patch(['failures_to_alert'], {}), { failuresToAlert: 1 });
  const whole = ['name', 'status', 'grace', 'due_at', 'runs', 'etag'];
  t.strictSame(patch(whole, { grace: '1m' }), { graceMs: 60_000 }, 'what is output only is passed over');
});

t.test('a mask that names nothing, or what cannot be set, is refused', async (t) => {
  const masked = (mask: string[] | undefined) =>
    problem({ frequency: '1m' }, { mode: 'update', mask, prefix: 'monitor.' });
  for (const mask of [undefined, [], ['name'], ['etag', 'name'], ['status', 'runs']]) {
    t.equal(masked(mask).field, 'update_mask');
    t.match(masked(mask).message, /^update_mask: must name one or more of frequency, cron, .*, and nothing else$/);
  }
  for (const path of ['nonsense', 'Status', '*', 'maintenance.start', '__proto__', 'constructor']) {
    t.match(masked(['frequency', path]), { field: 'update_mask', message: `got ${JSON.stringify(path)}` });
  }
  t.match(masked(['status', 'grace', 'a', 'b']).message, /got "a", "b"$/);
});

t.test('every error names the field and says what is valid', async (t) => {
  const times = { start: { seconds: 20n }, end: { seconds: 10n } };
  const cases: [Init, field: string, message: RegExp][] = [
    [{ name: 'a\nb' }, 'name', /must not hold control characters/],
    [{ frequency: '10x' }, 'frequency', /must be a whole number and one of .* from 1s to 366D; got "10x"/],
    [{ frequency: '0s' }, 'frequency', /must be from 1s to 366D; got "0s"/],
    [{ frequency: '367D' }, 'frequency', /must be from 1s to 366D/],
    [{ frequency: '1m', cron: '@daily' }, 'cron', /must not be given with a frequency/],
    [{ frequency: '1m', timeZone: 'UTC' }, 'time_zone', /must not be given with a frequency/],
    [{ cron: 'every day' }, 'cron', /must be/],
    [{ cron: '@daily', timeZone: 'Europe/Bern' }, 'time_zone', /must be/],
    [{ timeZone: 'Europe/Berlin' }, 'cron', /must be given with a time zone/],
    [{ grace: '1y' }, 'grace', /must be a whole number and one of .* from 0s to 366D; got "1y"/],
    [{ grace: '-1s' }, 'grace', /from 0s to 366D/],
    [{ maxRun: '0s' }, 'max_run', /must be from 1s to 366D/],
    [{ minRun: '1.5m' }, 'min_run', /from 1s to 366D/],
    [{ minInterval: '1M' }, 'min_interval', /from 1s to 366D/],
    [{ description: 'a\0b' }, 'description', /must not hold a NUL character/],
    [{ description: '\ud800' }, 'description', /must be valid Unicode/],
    [{ tags: ['ok', 'a,b'] }, 'tags[1]', /must be 1 to 64 bytes, without commas and control characters; got "a,b"/],
    [{ tags: ['a\tb'] }, 'tags[0]', /control characters/],
    [{ tags: ['ü'.repeat(33)] }, 'tags[0]', /1 to 64 bytes/],
    [{ channels: ['nobody'] }, 'channels[0]', /must be names of channels that exist: default, ops; got "nobody"/],
    [{ dependsOn: ['a', 'b\u0085'] }, 'depends_on[1]', /must not hold control characters/],
    [{ pingId: 'mine' }, 'ping_id', /must be a UUID, such as .*; got "mine"/],
    [{ maintenance: [{}] }, 'maintenance[0].start', /must be given with an end, or a cron with a duration/],
    [{ maintenance: [{ start: { seconds: 1n } }] }, 'maintenance[0].end', /must be given with a start/],
    [{ maintenance: [{ end: { seconds: 1n } }] }, 'maintenance[0].start', /must be given with an end/],
    [{ maintenance: [times] }, 'maintenance[0].end', /must be after the start, at most 366D; got "1970-/],
    [
      { maintenance: [{ start: { seconds: 1n }, end: { seconds: 400n * 86_400n } }] },
      'maintenance[0].end',
      /at most 366D/,
    ],
    [{ maintenance: [{ ...times, start: { seconds: -1n } }] }, 'maintenance[0].start', /must be from 1970-01-01/],
    [{ maintenance: [{ ...times, end: { seconds: 1n << 60n } }] }, 'maintenance[0].end', /to 9999-12-31/],
    [
      { maintenance: [{ ...times, cron: '@daily' }] },
      'maintenance[0].cron',
      /must not be given with a start or an end/,
    ],
    [{ maintenance: [{ ...times, timeZone: 'UTC' }] }, 'maintenance[0].time_zone', /must not be given with a start/],
    [{ maintenance: [{ duration: '1h' }] }, 'maintenance[0].cron', /must be given with a duration/],
    [{ maintenance: [{ cron: '@daily' }] }, 'maintenance[0].duration', /from 1m to 31D/],
    [{ maintenance: [{ cron: '@daily', duration: '59s' }] }, 'maintenance[0].duration', /must be from 1m to 31D/],
    [{ maintenance: [{ cron: '@daily', duration: '1h', timeZone: 'x' }] }, 'maintenance[0].time_zone', /must be/],
  ];
  for (const [init, field, message] of cases) {
    t.match(problem(init), { field, message }, field);
    t.ok(problem(init).message.startsWith(`${field}: `));
    t.ok(problem(init, { prefix: 'monitor.' }).message.startsWith(`monitor.${field}: `));
    t.equal(problem(init, { prefix: 'monitor.' }).field, `monitor.${field}`);
  }
});
