import t from 'tap';
import { plainConfig } from '../../../server/engine/domain/monitor-config.ts';
import { scheduleOfBeat } from '../../../server/engine/domain/schedule-of-beat.ts';
import { beatOf, contextOf, hourMs, minuteMs, monitorOf, tenMs } from '../cast.ts';

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
