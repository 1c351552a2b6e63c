import t from 'tap';
import { applySilence } from '../../../server/engine/domain/apply-silence.ts';
import { alertMs, holdFor } from '../../../server/engine/domain/blind-time.ts';
import { phaseAt, wakeMs } from '../../../server/engine/domain/phase.ts';
import { accept, beatOf, clockMs, contextOf, hourMs, minuteMs, monitorOf, tenMs } from '../cast.ts';

/** Every 10 minutes, 1 minute of grace: due 10:10, deadline 10:11, so blind time counts from 10:09 on. */
const every10 = monitorOf({
  frequencyMs: 10 * minuteMs,
  graceMs: minuteMs,
  dueMs: clockMs('10:10:00'),
  deadlineMs: clockMs('10:11:00'),
});

const blind = (from: string, to: string) => ({ fromMs: clockMs(from), toMs: clockMs(to) });
const at = (time: string, fields: Parameters<typeof contextOf>[0] = {}) =>
  contextOf({ nowMs: clockMs(time), ...fields });

t.test('silence up to the deadline is nothing, from it on a miss', async (t) => {
  t.equal(applySilence(every10, at('10:10:59.999')), null);
  const decision = applySilence(every10, at('10:11:00'))!;
  const { monitor, incidents, notices, beats } = decision;
  t.match(monitor, {
    status: 'down',
    hold: null,
    dueMs: every10.dueMs,
    deadlineMs: every10.deadlineMs,
  });
  t.same(incidents, [
    {
      id: monitor.incident!.id,
      startedMs: clockMs('10:11:00'),
      reason: 'missed',
      message: '',
      exitCode: null,
      endedMs: null,
      heldBy: '',
    },
  ]);
  t.same(beats, []);
  t.equal(notices.length, 1);
  t.equal(notices[0]!.onlyIfIdle, false);
  t.match(notices[0]!.notice, {
    type: 'down',
    reason: 'missed',
    incidentId: monitor.incident!.id,
    repeat: 0,
    blind: null,
  });
  t.match(notices[0]!.notice, { lastBeatMs: tenMs, dueMs: every10.dueMs, deadlineMs: every10.deadlineMs, message: '' });

  const noticedLate = applySilence(every10, at('18:00:00'))!;
  t.equal(noticedLate.monitor.incident!.startedMs, clockMs('10:11:00'), 'dated at the deadline');
  t.equal(noticedLate.notices[0]!.notice.atMs, clockMs('18:00:00'));
});

t.test('what waits for nothing is left alone', async (t) => {
  const idle = monitorOf({ status: 'new', lastBeatMs: null, dueMs: null, deadlineMs: null });
  t.equal(applySilence(idle, at('23:00:00')), null);
  t.equal(wakeMs(idle, at('23:00:00')), null);
  const started = accept(undefined, beatOf({ status: 'start' }), contextOf()).monitor;
  t.equal(applySilence(started, at('10:01:00'))?.monitor.status, 'down', 'a start is awaited');
});

t.test('down stays as it is without repeats', async (t) => {
  const { monitor } = applySilence(every10, at('10:11:00'))!;
  t.equal(wakeMs(monitor, at('10:11:00')), null);
  t.equal(applySilence(monitor, at('12:00:00')), null);
});

t.test('which blind time earns a hold, and how long', async (t) => {
  const cases: [what: string, from: string, to: string, until: string | null][] = [
    ['before the window', '09:00:00', '10:08:59.999', null],
    ['reaches the window', '09:00:00', '10:09:00', '10:19:00'],
    ['in the grace', '10:10:30', '10:10:33', '10:20:33'],
    ['from the deadline on', '10:11:00', '10:12:00', '10:22:00'],
    ['after the deadline', '10:11:00.001', '10:12:00', null],
    ['around it', '08:00:00', '12:00:00', '12:10:00'],
  ];
  for (const [what, from, to, until] of cases) {
    const context = at('12:00:00', { blinds: [blind(from, to)] });
    const hold = until === null ? null : { untilMs: clockMs(until), blind: blind(from, to) };
    t.same(holdFor(every10, context), hold, what);
    t.equal(alertMs(every10, context), hold?.untilMs ?? every10.deadlineMs, what);
  }
  const long = at('12:00:00', { blinds: [blind('10:00:00', '10:10:30')], blindHoldMaxMs: 90_000 });
  t.equal(alertMs(every10, long), clockMs('10:12:00'), 'at most the maximum');
  const short = at('12:00:00', { blinds: [blind('10:00:00', '10:10:30')], blindHoldMaxMs: 10_000 });
  t.equal(holdFor(every10, short), null, 'a hold that ends before the deadline is none');
  const off = at('12:00:00', { blinds: [blind('10:10:00', '10:20:00')], blindHoldMaxMs: 0 });
  t.equal(alertMs(every10, off), clockMs('10:20:00'), 'even without a hold, blind time is not silence');

  const two = at('12:00:00', {
    blinds: [blind('10:09:30', '10:09:40'), blind('10:10:30', '10:10:40'), blind('11:00:00', '11:30:00')],
  });
  t.equal(alertMs(every10, two), clockMs('10:20:40'), 'the last that overlaps counts');
});

t.test('the hold is given once, stored, and ends in an alert that explains itself', async (t) => {
  const outage = blind('10:10:30', '10:12:00');
  const held = applySilence(every10, at('10:12:00', { blinds: [outage] }))!;
  t.same(held.monitor, { ...every10, hold: { untilMs: clockMs('10:22:00'), blind: outage } });
  t.same([held.incidents, held.notices, held.beats], [[], [], []]);
  t.equal(phaseAt(held.monitor, clockMs('10:13:00')), 'late');

  const again = at('10:16:00', { blinds: [outage, blind('10:10:00', '10:16:00')] });
  t.equal(applySilence(held.monitor, again), null, 'another outage over the same deadline does not renew it');
  t.equal(wakeMs(held.monitor, again), clockMs('10:22:00'));

  const down = applySilence(held.monitor, at('10:25:00', { blinds: [outage] }))!;
  t.equal(down.monitor.incident!.startedMs, clockMs('10:22:00'), 'down starts when the hold ends');
  t.match(down.notices, [{ notice: { type: 'down', blind: outage, downSinceMs: clockMs('10:22:00') } }]);
  t.same(down.monitor.deadlineMs, every10.deadlineMs);

  const slept = applySilence(every10, at('10:25:00', { blinds: [outage] }))!;
  t.same(slept.monitor.incident!.startedMs, clockMs('10:22:00'), 'the same when nobody looked in between');
  t.match(slept.notices, [{ notice: { blind: outage } }]);
});

t.test('a beat within the hold is in time; one after it is a miss that the hold explains', async (t) => {
  const outage = blind('10:10:30', '10:12:00');
  const held = { ...every10, hold: { untilMs: clockMs('10:22:00'), blind: outage } };
  const inTime = accept(held, beatOf({ receivedMs: clockMs('10:21:59') }), at('10:21:59', { blinds: [outage] }));
  t.match(inTime, { monitor: { status: 'up', hold: null }, notices: [], incidents: [] });
  const late = accept(held, beatOf({ receivedMs: clockMs('10:22:01') }), at('10:22:01', { blinds: [outage] }));
  t.match(late.notices, [{ notice: { type: 'up', merged: true, blind: outage, downSinceMs: clockMs('10:22:00') } }]);
  t.equal(late.monitor.hold, null);

  const spooled = beatOf({
    stampS: clockMs('10:05:00') / 1000,
    receivedMs: clockMs('10:12:01'),
    frequencyMs: 5 * minuteMs,
  });
  const replayed = accept(held, spooled, at('10:12:01', { blinds: [outage] })).monitor;
  t.equal(replayed.deadlineMs, clockMs('10:10:00'));
  t.equal(
    wakeMs(replayed, at('10:12:01', { blinds: [outage] })),
    clockMs('10:10:00'),
    'its window ended before the outage',
  );
});

t.test('a new deadline gets a hold of its own', async (t) => {
  const first = blind('10:10:30', '10:12:00');
  const held = { ...every10, hold: { untilMs: clockMs('10:22:00'), blind: first } };
  const beat = beatOf({ receivedMs: clockMs('10:12:30'), frequencyMs: 10 * minuteMs, graceMs: 0 });
  const { monitor } = accept(held, beat, at('10:12:30', { blinds: [first] }));
  t.equal(
    applySilence(monitor, at('10:22:30', { blinds: [first] }))?.monitor.status,
    'down',
    'the old outage is no excuse',
  );
  const second = blind('10:22:00', '10:23:00');
  const heldAgain = applySilence(monitor, at('10:23:00', { blinds: [first, second] }))!;
  t.same(heldAgain.monitor.hold, { untilMs: clockMs('10:33:00'), blind: second });
});

t.test('repeats', async (t) => {
  const every = { alertRepeatMs: 5 * minuteMs };
  let { monitor } = applySilence(every10, at('10:12:00', every))!;
  t.equal(monitor.progress.alert?.nextMs, clockMs('10:17:00'), 'counted from when it was said');
  t.equal(wakeMs(monitor, at('10:12:00')), clockMs('10:17:00'));
  t.equal(applySilence(monitor, at('10:16:59.999', every)), null);

  const ids = new Set<string>();
  for (const [index, time] of ['10:17:00', '10:22:00', '10:40:00'].entries()) {
    const context = { ...at(time, every), newId: () => `${time}-${ids.size}` };
    const decision = applySilence(monitor, context)!;
    t.equal(decision.notices.length, 1, 'one, however many were slept through');
    const { id, notice, onlyIfIdle } = decision.notices[0]!;
    ids.add(id);
    t.match(notice, { type: 'down', repeat: index + 1, incidentId: monitor.incident!.id, atMs: clockMs(time) });
    t.equal(onlyIfIdle, true, 'repeats do not pile up');
    t.same([decision.incidents, decision.beats], [[], []]);
    const nextMs = clockMs(time) + every.alertRepeatMs;
    t.match(decision.monitor.progress.alert, { open: { told: [{ reminders: index + 1 }] }, nextMs });
    monitor = decision.monitor;
  }
  t.equal(ids.size, 3, 'each has an id of its own');

  const off = applySilence(monitor, at('10:45:00'))!;
  t.match(
    off,
    { monitor: { progress: { alert: { nextMs: null } }, status: 'down' }, notices: [], incidents: [] },
    'switched off meanwhile',
  );
  t.equal(applySilence(off.monitor, at('11:45:00')), null);

  const recovered = accept(
    monitor,
    beatOf({ receivedMs: clockMs('10:41:00'), frequencyMs: hourMs }),
    at('10:41:00', every),
  );
  t.equal(recovered.monitor.progress.alert, null);
  t.match(recovered.notices, [{ notice: { type: 'up', repeat: 0 }, onlyIfIdle: false }]);
});

t.test('phase', async (t) => {
  const phases = ['10:09:59', '10:10:00', '10:10:00.001', '10:59:00'].map((time) => phaseAt(every10, clockMs(time)));
  t.same(phases, ['up', 'up', 'late', 'late']);
  t.equal(phaseAt({ ...every10, status: 'new' }, clockMs('10:09:30')), 'new');
  t.equal(phaseAt({ ...every10, status: 'new' }, clockMs('10:10:30')), 'late');
  t.equal(phaseAt({ ...every10, status: 'paused' }, clockMs('10:10:30')), 'paused');
  t.equal(phaseAt({ ...every10, status: 'down' }, clockMs('10:10:30')), 'down');
});
