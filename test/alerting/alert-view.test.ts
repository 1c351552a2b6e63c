import t from 'tap';
import { alertViewOf } from '../../server/alerting/alert-view.ts';
import type { AlertProgress, OpenAlert } from '../../server/engine/domain/alerting/alert-progress.ts';
import type { Silence } from '../../server/engine/domain/alerting/alert-rules.ts';
import type { Monitor } from '../../server/engine/domain/monitor.ts';
import { noProgress, type Progress } from '../../server/engine/domain/progress.ts';
import { hourMs, incidentOf, minuteMs, monitorOf, tenMs } from '../engine/cast.ts';
import { alertRules } from '../support/alert-rules.ts';

const nowMs = tenMs + hourMs;
const told = [{ channel: 'ops', said: 'down' as const, atMs: tenMs, lastMs: tenMs + minuteMs, reminders: 1 }];
const raised: OpenAlert = {
  incident: { id: 'i', startedMs: tenMs, reason: 'missed' },
  sinceMs: tenMs,
  told: [],
  ack: null,
  blind: null,
  heldBy: '',
  flaps: 0,
};
const ack = { atMs: tenMs + minuteMs, by: 'ann', note: 'on it' };
const flapping = { flipMs: nowMs, flaps: 5 };

const silence = (id: string, fields: Partial<Silence> = {}): Silence => {
  const match = { tags: [], namePattern: 'back*', severities: [] };
  return { id, match, fromMs: tenMs, untilMs: nowMs + 1, ...fields };
};

function down(open: Partial<OpenAlert>, fields: Partial<AlertProgress> & Partial<Progress> = {}): Monitor {
  const { nextMs = null, flapping: flaps = null, ...progress } = fields;
  const alert = { open: { ...raised, ...open }, downs: [], flapping: flaps, nextMs };
  return monitorOf({ status: 'down', incident: incidentOf(), progress: { ...noProgress, alert, ...progress } });
}

const view = (monitor: Monitor, silences: Silence[] = [], { waitsFor = '' } = {}) => {
  const queue = { isPending: (id: number, channel: string) => id === monitor.id && channel === waitsFor };
  return alertViewOf(monitor, { rules: alertRules({ silences }), nowMs, queue });
};

t.test('a monitor that is not down has no alert, also when it flaps', (t) => {
  t.equal(view(monitorOf({})), null);
  const { progress } = down({ told }, { flapping });
  t.equal(view(monitorOf({ progress })), null);
  t.end();
});

t.test('waiting, then told', (t) => {
  const waiting = view(down({}, { nextMs: nowMs + 5 }));
  t.same(waiting, { state: 'waiting', told: [], nextMs: nowMs + 5, ack: null, silences: [], heldBy: '' });
  t.match(view(down({ told })), { state: 'told', told, nextMs: null });
  t.end();
});

t.test('what is told, and not delivered yet, is pending', (t) => {
  const both = [...told, { ...told[0]!, channel: 'boss' }];
  const { told: shown } = view(down({ told: both }), [], { waitsFor: 'boss' })!;
  t.match(shown, [
    { channel: 'ops', pending: false },
    { channel: 'boss', pending: true },
  ]);
  t.end();
});

t.test('a silence counts while it holds for this monitor', (t) => {
  t.match(view(down({ told }), [silence('a'), silence('b')]), { state: 'silenced', told, silences: ['a', 'b'] });
  const others = [
    silence('over', { untilMs: nowMs }),
    silence('to come', { fromMs: nowMs + 1 }),
    silence('of others', { match: { tags: ['x'], namePattern: '', severities: [] } }),
  ];
  t.match(view(down({ told }), others), { state: 'told', silences: [] });
  t.match(view(down({ told }), [silence('begins', { fromMs: nowMs })]), { state: 'silenced' });
  t.end();
});

t.test('what is said first of an alert of which several are true', (t) => {
  const held = { by: 'gateway', why: 'down' as const, untilMs: null, sayMs: null };
  const silences = [silence('a')];
  const all = down({ told, ack }, { flapping, held });
  t.match(view(all, silences), { state: 'held', heldBy: 'gateway', ack, silences: ['a'] });
  t.match(view(down({ told, ack }, { flapping }), silences), { state: 'acknowledged', ack });
  t.match(view(down({ told }, { flapping }), silences), { state: 'flapping' });
  t.match(view(down({ told }), silences), { state: 'silenced' });
  t.end();
});

t.test('one of which nothing was noted', (t) => {
  const monitor = monitorOf({ status: 'down', incident: incidentOf() });
  t.match(view(monitor), { state: 'waiting', told: [], nextMs: null });
  const held = { by: 'gateway', why: 'verdict' as const, untilMs: nowMs, sayMs: null };
  t.match(view({ ...monitor, progress: { ...noProgress, held } }), { state: 'held', heldBy: 'gateway', told: [] });
  t.end();
});
