import t from 'tap';
import { applyBeat } from '../../../server/engine/domain/apply-beat.ts';
import { applySilence } from '../../../server/engine/domain/apply-silence.ts';
import type { BeatStatus, Monitor } from '../../../server/engine/domain/monitor.ts';
import { accept, beatOf, clockMs, contextOf, hourMs, minuteMs, monitorOf, tenMs, toldProgress } from '../cast.ts';

const missed = { id: 'i1', startedMs: clockMs('09:50:00'), reason: 'missed' as const, message: '', exitCode: null };
const failed = { id: 'i2', startedMs: clockMs('09:50:00'), reason: 'failed' as const, message: '', exitCode: null };

/** Every state a beat can find, at 10:00:00. */
const states: Record<string, Monitor | undefined> = {
  absent: undefined,
  'new, nothing awaited': monitorOf({ status: 'new', lastBeatMs: null, dueMs: null, deadlineMs: null }),
  'new, awaited': monitorOf({ status: 'new', lastBeatMs: null, dueMs: tenMs + 1_000, deadlineMs: tenMs + 1_000 }),
  up: monitorOf({ lastBeatMs: tenMs - 1_000, dueMs: tenMs + 1_000, deadlineMs: tenMs + 2_000 }),
  'up, deadline missed': monitorOf({ lastBeatMs: tenMs - 61_000, dueMs: tenMs - 2_000, deadlineMs: tenMs - 1_000 }),
  'down, missed': monitorOf({
    status: 'down',
    lastBeatMs: clockMs('09:49:00'),
    dueMs: missed.startedMs,
    deadlineMs: missed.startedMs,
    incident: missed,
    progress: toldProgress(missed.id),
  }),
  'down, failed': monitorOf({
    status: 'down',
    lastBeatMs: failed.startedMs,
    dueMs: tenMs,
    deadlineMs: tenMs,
    incident: failed,
    progress: toldProgress(failed.id),
  }),
};

/** For each state: the status after it, the reason of its incident, what becomes of the deadline, the notices. */
const outcomes: Record<string, Record<string, string>> = {
  ok: {
    absent: 'up - moved',
    'new, nothing awaited': 'up - moved',
    'new, awaited': 'up - moved',
    up: 'up - moved',
    'up, deadline missed': 'up - moved +up(merged)',
    'down, missed': 'up - moved +up',
    'down, failed': 'up - moved +up',
  },
  fail: {
    absent: 'down failed moved +down',
    'new, nothing awaited': 'down failed moved +down',
    'new, awaited': 'down failed moved +down',
    up: 'down failed moved +down',
    'up, deadline missed': 'down missed kept +down',
    'down, missed': 'down missed kept',
    'down, failed': 'down failed moved',
  },
  start: {
    absent: 'new - moved',
    'new, nothing awaited': 'new - moved',
    'new, awaited': 'new - kept',
    up: 'up - kept',
    'up, deadline missed': 'down missed kept +down',
    'down, missed': 'down missed kept',
    'down, failed': 'down failed kept',
  },
  log: {
    absent: 'new - none',
    'new, nothing awaited': 'new - none',
    'new, awaited': 'new - kept',
    up: 'up - kept',
    'up, deadline missed': 'up - kept',
    'down, missed': 'down missed kept',
    'down, failed': 'down failed kept',
  },
};

function describe(before: Monitor | undefined, { monitor, notices }: ReturnType<typeof accept>): string {
  const next = tenMs + monitor.frequencyMs;
  let deadline = monitor.dueMs === next && monitor.deadlineMs === next + monitor.graceMs ? 'moved' : 'odd';
  if (monitor.deadlineMs === (before?.deadlineMs ?? null)) deadline = monitor.deadlineMs === null ? 'none' : 'kept';
  const said = notices.map(({ notice }) => ` +${notice.type}${notice.merged ? '(merged)' : ''}`);
  return `${monitor.status} ${monitor.incident?.reason ?? '-'} ${deadline}${said.join('')}`;
}

t.test('every status in every state', async (t) => {
  for (const [status, byState] of Object.entries(outcomes)) {
    for (const [state, expected] of Object.entries(byState)) {
      const before = states[state];
      const beat = beatOf({ status: status as BeatStatus, graceMs: minuteMs });
      const decision = accept(before, beat, contextOf());
      t.equal(describe(before, decision), expected, `${status} on ${state}`);
      t.equal(decision.accepted, 'applied');
      t.equal(decision.beats.length, 1, 'recorded once');
      t.match(decision.beats[0], { status, atMs: tenMs, receivedMs: tenMs });
      t.equal(decision.monitor.status === 'down', decision.monitor.incident !== null, 'down iff an incident is open');
      t.match(decision.monitor, { id: before?.id ?? 0, version: before?.version ?? 0, name: 'backup' });
    }
  }
});

t.test('the exit code decides for an ok beat only', async (t) => {
  const cases: [BeatStatus, number | null, BeatStatus][] = [
    ['ok', null, 'ok'],
    ['ok', 0, 'ok'],
    ['ok', 1, 'fail'],
    ['ok', -1, 'fail'],
    ['fail', 0, 'fail'],
    ['start', 3, 'start'],
    ['log', 3, 'log'],
  ];
  for (const [status, exitCode, expected] of cases) {
    const { beats, monitor } = accept(states.up, beatOf({ status, exitCode, message: 'm', run: 'r' }), contextOf());
    t.match(beats[0], { status: expected, exitCode, message: 'm', run: 'r' }, `${status} with exit code ${exitCode}`);
    t.equal(monitor.status, expected === 'fail' ? 'down' : 'up');
  }
});

t.test('a failure says what failed', async (t) => {
  const beat = beatOf({ status: 'ok', exitCode: 2, message: 'disk full', receivedMs: tenMs + 5 });
  const { monitor, incidents, notices } = accept(
    states.up,
    beat,
    contextOf({ nowMs: tenMs + 9, alertRepeatMs: 60_000 }),
  );
  const { notice } = notices[0]!;
  t.match(notice, { type: 'down', reason: 'failed', message: 'disk full', exitCode: 2, repeat: 0, merged: false });
  t.match(notice, { atMs: tenMs + 9, downSinceMs: tenMs + 5, lastBeatMs: tenMs + 5, name: 'backup', blind: null });
  t.same(incidents, [
    {
      id: monitor.incident!.id,
      startedMs: tenMs + 5,
      reason: 'failed',
      message: 'disk full',
      exitCode: 2,
      endedMs: null,
      heldBy: '',
    },
  ]);
  t.equal(notice.incidentId, monitor.incident!.id);
  t.not(notices[0]!.id, notice.incidentId, 'a notice has an id of its own');
  t.equal(monitor.progress.alert?.nextMs, tenMs + 9 + 60_000);
});

t.test('a recovery closes the incident', async (t) => {
  const { monitor, incidents, notices } = accept(states['down, missed'], beatOf(), contextOf({ nowMs: tenMs + 9 }));
  t.same(incidents, [{ ...missed, endedMs: tenMs, heldBy: '' }]);
  t.equal(notices.length, 1);
  t.match(notices[0]!.notice, { type: 'up', atMs: tenMs + 9, incidentId: 'i1', downSinceMs: missed.startedMs });
  t.match(notices[0]!.notice, { recoveredMs: tenMs, merged: false, reason: 'missed', deadlineMs: tenMs + minuteMs });
  t.match(monitor, { incident: null, progress: { alert: null }, hold: null });
});

t.test('a changed frequency counts at once', async (t) => {
  const first = accept(undefined, beatOf({ receivedMs: clockMs('10:00:00') }), contextOf());
  t.equal(first.monitor.deadlineMs, clockMs('10:01:00'));
  const atHalf = clockMs('10:00:30');
  const longer = beatOf({ receivedMs: atHalf, frequencyMs: 10 * minuteMs });
  const { monitor } = accept(first.monitor, longer, contextOf({ nowMs: atHalf }));
  t.match(monitor, { frequencyMs: 10 * minuteMs, dueMs: clockMs('10:10:30'), deadlineMs: clockMs('10:10:30') });
  t.equal(applySilence(monitor, contextOf({ nowMs: clockMs('10:01:00') })), null, 'nothing fires at 10:01:00');
  t.equal(applySilence(monitor, contextOf({ nowMs: clockMs('10:10:29.999') })), null);
  t.equal(applySilence(monitor, contextOf({ nowMs: clockMs('10:10:30') }))?.monitor.status, 'down');

  const shorter = beatOf({ receivedMs: atHalf, frequencyMs: 10_000, graceMs: 5_000 });
  const short = accept(monitor, shorter, contextOf({ nowMs: atHalf })).monitor;
  t.match(short, { dueMs: clockMs('10:00:40'), deadlineMs: clockMs('10:00:45'), graceMs: 5_000 });

  for (const status of ['start', 'log'] as const) {
    const other = accept(monitor, beatOf({ status, frequencyMs: hourMs, graceMs: hourMs }), contextOf()).monitor;
    t.match(other, { frequencyMs: 10 * minuteMs, graceMs: 0 }, `${status} keeps the schedule`);
  }
});

t.test('a beat after the deadline, before anybody noticed, is a miss and a recovery in one notice', async (t) => {
  const up = monitorOf({
    lastBeatMs: tenMs,
    dueMs: clockMs('10:01:00'),
    deadlineMs: clockMs('10:01:10'),
    graceMs: 10_000,
  });
  const late = beatOf({ receivedMs: clockMs('10:01:10.001') });
  const decision = accept(up, late, contextOf({ nowMs: clockMs('10:01:12'), alertRepeatMs: 1_000 }));
  t.match(decision.incidents, [
    { startedMs: clockMs('10:01:10'), reason: 'missed', endedMs: null },
    { startedMs: clockMs('10:01:10'), reason: 'missed', endedMs: clockMs('10:01:10.001') },
  ]);
  t.equal(decision.incidents[0]!.id, decision.incidents[1]!.id);
  t.equal(decision.notices.length, 1);
  t.match(decision.notices[0]!.notice, {
    type: 'up',
    merged: true,
    dueMs: clockMs('10:01:00'),
    deadlineMs: clockMs('10:01:10'),
    downSinceMs: clockMs('10:01:10'),
    recoveredMs: clockMs('10:01:10.001'),
  });
  t.match(decision.monitor, {
    status: 'up',
    incident: null,
    progress: { alert: null },
    deadlineMs: clockMs('10:02:10.001'),
  });

  const exact = accept(up, beatOf({ receivedMs: clockMs('10:01:10') }), contextOf({ nowMs: clockMs('10:01:12') }));
  t.same([exact.incidents, exact.notices], [[], []], 'in time up to the deadline itself');
});

t.test('stamped before the deadline, received after it: no miss', async (t) => {
  const beat = beatOf({ stampS: clockMs('10:00:59') / 1000, receivedMs: clockMs('10:01:05') });
  const { monitor, incidents, notices } = accept(monitorOf(), beat, contextOf({ nowMs: clockMs('10:01:05') }));
  t.same([incidents, notices], [[], []]);
  t.match(monitor, { status: 'up', lastBeatMs: clockMs('10:00:59'), deadlineMs: clockMs('10:01:59') });
});

t.test('a replay whose own deadline has passed neither recovers nor alerts again', async (t) => {
  const context = contextOf({ nowMs: tenMs });
  const down = states['down, missed']!;
  for (const beatId of ['', 'b1']) {
    const replay = beatOf({ stampS: clockMs('09:58:59') / 1000, beatId });
    const { accepted, monitor, incidents, notices, beats } = accept(down, replay, context);
    t.match({ accepted, incidents, notices, beats }, { accepted: 'applied', incidents: [], notices: [], beats: [{}] });
    t.match(monitor, {
      status: 'down',
      incident: missed,
      deadlineMs: missed.startedMs,
      lastBeatMs: clockMs('09:58:59'),
    });
    t.equal(applySilence(monitor, context), null, 'and time alone says nothing more');
  }
  const atDeadline = beatOf({ stampS: clockMs('09:59:00') / 1000 });
  t.equal(accept(down, atDeadline, context).monitor.status, 'down', 'passed: its deadline is now');
  const fresh = beatOf({ stampS: clockMs('09:59:01') / 1000 });
  t.equal(accept(down, fresh, context).monitor.status, 'up', 'its deadline is still to come');

  const both = accept(
    states['up, deadline missed'],
    beatOf({ stampS: tenMs / 1000, receivedMs: tenMs + hourMs }),
    contextOf({ nowMs: tenMs + hourMs }),
  );
  t.match(both.notices, [{ notice: { type: 'down' } }], 'the miss that it did not prevent is said');
  t.equal(both.monitor.status, 'down');
});

t.test('a stamp from before the incident that is still in time recovers, with no negative length', async (t) => {
  const down = monitorOf({
    status: 'down',
    lastBeatMs: tenMs - hourMs,
    frequencyMs: hourMs,
    incident: { id: 'i', startedMs: tenMs, reason: 'missed', message: '', exitCode: null },
    progress: toldProgress('i'),
  });
  const beat = beatOf({ frequencyMs: hourMs, stampS: tenMs / 1000 - 60, receivedMs: tenMs + 1_000 });
  const { incidents, notices } = accept(down, beat, contextOf({ nowMs: tenMs + 1_000 }));
  t.match(incidents, [{ startedMs: tenMs, endedMs: tenMs }]);
  t.match(notices, [{ notice: { recoveredMs: tenMs } }]);
});

t.test('stale: history, and nothing else', async (t) => {
  for (const [name, state] of Object.entries(states)) {
    if (!state?.lastBeatMs) continue;
    const stampS = Math.floor(state.lastBeatMs / 1000) - 1;
    const context = contextOf();
    for (const status of ['ok', 'fail', 'start', 'log'] as const) {
      const { accepted, monitor, ...rest } = accept(
        state,
        beatOf({ status, stampS, beatId: 'b1', frequencyMs: hourMs }),
        context,
      );
      t.equal(accepted, 'stale', `${status} on ${name}`);
      t.same(monitor, state);
      t.match(rest, { atMs: stampS * 1000, beats: [{ status, atMs: stampS * 1000 }], incidents: [], notices: [] });
      t.match(applyBeat(state, beatOf({ status, stampS }), context), { ok: false, rejection: { field: 'timestamp' } });
    }
  }
});
