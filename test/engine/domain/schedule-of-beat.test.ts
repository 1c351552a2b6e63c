import t from 'tap';
import { applyBeat } from '../../../server/engine/domain/apply-beat.ts';
import { plainConfig } from '../../../server/engine/domain/monitor-config.ts';
import { scheduleOfBeat } from '../../../server/engine/domain/schedule-of-beat.ts';
import { accept, beatOf, contextOf, hourMs, minuteMs, monitorOf, tenMs } from '../cast.ts';

const context = contextOf({ nowMs: tenMs });

t.test('a beat that keeps the schedule changes nothing of it, whatever made the monitor', async (t) => {
  const beat = beatOf({ frequencyMs: null, graceMs: null, keepsSchedule: true });
  const byCron = { ...plainConfig, origin: 'api' as const, cron: { expression: '0 3 * * *', timeZone: 'UTC' } };
  for (const monitor of [
    monitorOf({ graceMs: 7_000 }),
    monitorOf({ frequencyMs: hourMs, config: { ...plainConfig, tags: ['a'] } }),
    monitorOf({ frequencyMs: 0, graceMs: minuteMs, config: byCron }),
  ]) {
    const { frequencyMs, graceMs, config } = monitor;
    const read = scheduleOfBeat(monitor, beat, context);
    t.strictSame(read, { ok: true, scheduling: { frequencyMs, graceMs, config } });
    t.equal(read.ok && read.scheduling.config, config, 'not even a copy');
  }
});

t.test('it makes a monitor only of what it brings', async (t) => {
  const beat = beatOf({ frequencyMs: null, graceMs: null, keepsSchedule: true });
  t.match(scheduleOfBeat(undefined, beat, context), {
    ok: false,
    rejection: { code: 'not_found', field: 'name', message: /"backup"/ },
  });
  const provision = { ...plainConfig, origin: 'api' as const, frequencyMs: hourMs, graceMs: minuteMs };
  const { frequencyMs, graceMs, ...config } = provision;
  const made = scheduleOfBeat(undefined, { ...beat, provision }, context);
  t.strictSame(made, { ok: true, scheduling: { frequencyMs, graceMs, config } });
});

const nightly = { expression: '0 3 * * *', timeZone: 'Europe/Berlin' };
const named = (fields: object) => ({ cron: null, tags: null, channels: null, ...fields });

t.test('a ping that is the first of its name sets up what it names', async (t) => {
  const beat = beatOf({ frequencyMs: null, named: named({ cron: nightly, tags: ['db'], channels: ['ops'] }) });
  const { monitor } = accept(undefined, { ...beat, graceMs: 7_000 }, context);
  t.match(monitor, { status: 'up', frequencyMs: 0, graceMs: 7_000, dueMs: tenMs + hourMs });
  t.match(monitor.config, { origin: 'ping', cron: nightly, tags: ['db'], channels: ['ops'] });
  const byDefault = accept(undefined, { ...beat, graceMs: null }, context).monitor;
  t.equal(byDefault.graceMs, 6 * minuteMs, '10 % of the time between two occurrences');

  const again = accept(monitor, beatOf({ frequencyMs: null, named: named({ cron: nightly }) }), context).monitor;
  t.equal(again.config, monitor.config, 'what is not named stays, and nothing is written anew');
  const byPeriod = accept(monitor, beatOf({ frequencyMs: minuteMs, graceMs: null }), context).monitor;
  t.match(byPeriod, { frequencyMs: minuteMs, graceMs: 0, dueMs: tenMs + minuteMs });
  t.match(byPeriod.config, { cron: null, tags: ['db'] }, 'tags stay until others are named');
});

t.test('a monitor that pings made is told its schedule by each', async (t) => {
  const bare = beatOf({ frequencyMs: null, graceMs: null });
  const refused = {
    ok: false,
    rejection: {
      code: 'invalid_argument',
      field: 'frequency',
      message: /^frequency: must be given, as only pings say/,
    },
  };
  const tagged = { ...bare, named: named({ tags: ['a'] }) };
  for (const beat of [bare, tagged, { ...bare, status: 'start' as const }, { ...bare, status: 'log' as const }]) {
    t.match(applyBeat(undefined, beat, context), refused);
    t.match(applyBeat(monitorOf(), beat, context), refused);
    t.match(applyBeat(monitorOf({ config: { ...plainConfig, cron: nightly } }), beat, context), refused);
  }
});

t.test('a monitor that was set up keeps its schedule, unless a ping names one', async (t) => {
  const config = { ...plainConfig, origin: 'api' as const, cron: nightly, tags: ['db'], failuresToAlert: 2 };
  const monitor = monitorOf({ config, frequencyMs: 0, graceMs: 7_000 });
  const bare = accept(monitor, beatOf({ frequencyMs: null, graceMs: null }), context).monitor;
  t.match(bare, { frequencyMs: 0, graceMs: 7_000, dueMs: tenMs + hourMs });
  t.equal(bare.config, config, 'the same object');
  const byPeriod = accept(monitor, beatOf({ frequencyMs: minuteMs, graceMs: null }), context).monitor;
  t.match(byPeriod, { frequencyMs: minuteMs, graceMs: 7_000, dueMs: tenMs + minuteMs });
  t.match(byPeriod.config, { cron: null, tags: ['db'], failuresToAlert: 2, origin: 'api' });
  const note = accept(monitor, beatOf({ status: 'start', frequencyMs: minuteMs }), context).monitor;
  t.match(note, { frequencyMs: 0, config }, 'a start moves nothing');
});
