import t from 'tap';
import type { Command } from '../../server/engine/command.ts';
import { decideBatch } from '../../server/engine/decide-batch.ts';
import type { Monitor } from '../../server/engine/domain/monitor.ts';
import { alertRules } from '../support/alert-rules.ts';
import { beatOf, contextOf, minuteMs, monitorOf, tenMs } from './cast.ts';

const missed = monitorOf({ lastBeatMs: tenMs - minuteMs - 1_000, dueMs: tenMs - 1_000, deadlineMs: tenMs - 1_000 });

type Given = {
  commands?: Command[];
  stored?: (Monitor | undefined)[];
  due?: Monitor[];
  heardUntilMs?: number;
  room?: number;
};

function decide({ commands = [], stored = [], due = [], heardUntilMs = tenMs, room = 10 }: Given) {
  const loaded = commands.map((_, index) => ({ monitor: stored[index], seenBeat: undefined }));
  const found = { loaded, due, related: new Map(), pingIds: new Map() };
  return decideBatch({
    ...found,
    commands,
    heardUntilMs,
    context: contextOf({ rules: alertRules({}, ['somewhere']) }),
    room,
  });
}

const ping = (fields = {}): Command => ({ kind: 'beat', beat: beatOf(fields) });

t.test('silence is judged after the commands, on the state that they left', async (t) => {
  const inTime = ping({ stampS: tenMs / 1000 - 1 });
  const { drafts } = decide({ commands: [inTime], stored: [missed], due: [missed] });
  t.equal(drafts.length, 1);
  t.match(drafts[0], { commands: [0], change: { monitor: { status: 'up' }, incidents: [], deliveries: [] } });

  const removal: Command = { kind: 'remove', name: 'backup', etag: null, receivedMs: tenMs };
  const removed = decide({ commands: [removal], stored: [missed], due: [missed] }).drafts;
  t.match(removed, [{ change: { remove: true, incidents: [], deliveries: [] } }]);

  const both = decide({ commands: [removal, ping()], stored: [missed, missed], due: [missed] }).drafts;
  t.match(both, [{ change: { remove: true } }, { change: { remove: false, monitor: { id: 0, status: 'up' } } }]);

  const alone = decide({ due: [missed] }).drafts;
  t.match(alone, [{ commands: [], change: { monitor: { status: 'down' }, deliveries: [{ channel: 'somewhere' }] } }]);
});

t.test('silence is judged up to what was heard, not up to now', async (t) => {
  t.same(decide({ due: [missed], heardUntilMs: tenMs - 1_001 }).drafts, []);
  t.equal(decide({ due: [missed], heardUntilMs: tenMs - 1_000 }).drafts.length, 1);
  const later = monitorOf({ dueMs: tenMs + 1, deadlineMs: tenMs + 1 });
  t.same(decide({ due: [later], heardUntilMs: tenMs + minuteMs }).drafts, [], 'nor past now');
});

t.test('a change does not overtake beats that were received in time and wait behind it', async (t) => {
  // Its deadline passed a second ago; both were received before.
  const receivedMs = tenMs - 1_200;
  const configuration = { name: 'backup', mode: 'upsert' as const, patch: { description: 'x' }, etag: null };
  const commands: Command[] = [{ kind: 'configure', configuration, receivedMs }, ping({ receivedMs: tenMs - 1_100 })];
  const { drafts } = decide({ commands, stored: [missed, missed], heardUntilMs: tenMs - 1_201 });
  const { monitor, incidents, deliveries } = drafts[0]!.change;
  t.same([monitor.status, incidents, deliveries], ['up', [], []]);
  const late: Command[] = [{ kind: 'configure', configuration, receivedMs: tenMs - 900 }];
  const judged = decide({ commands: late, stored: [missed] }).drafts;
  t.match(judged, [{ change: { monitor: { status: 'down' }, deliveries: [{ notice: { type: 'down' } }] } }]);
});

t.test('what changes nothing makes no draft', async (t) => {
  const unknown: Command = { kind: 'remove', name: 'x', etag: null, receivedMs: tenMs };
  const commands = [unknown, ping({ stampS: 1 }), ping({ name: 'full' })];
  const { drafts, outcomes } = decide({ commands, stored: [undefined, monitorOf()], due: [monitorOf()], room: 0 });
  t.same(drafts, []);
  t.match(outcomes, [
    { ok: false, refusal: { code: 'not_found' } },
    { ok: false, refusal: { code: 'invalid_argument' } },
    { ok: false, refusal: { code: 'resource_exhausted' } },
  ]);
});

t.test('an incident that a removal closes does not end before it began', async (t) => {
  const incident = { id: 'i', startedMs: tenMs + 5, reason: 'missed' as const, message: '', exitCode: null };
  const down = monitorOf({ status: 'down', incident });
  const { drafts } = decide({
    commands: [{ kind: 'remove', name: 'backup', etag: null, receivedMs: tenMs }],
    stored: [down],
  });
  t.same(drafts[0]!.change.incidents, [{ ...incident, endedMs: tenMs + 5, heldBy: '' }]);
});

t.test('the room is counted within the batch', async (t) => {
  const remove = (name: string): Command => ({ kind: 'remove', name, etag: null, receivedMs: tenMs });
  const commands = [ping({ name: 'a' }), ping({ name: 'b' }), remove('a'), ping({ name: 'b' }), ping({ name: 'c' })];
  const { outcomes, drafts } = decide({ commands, room: 1 });
  t.same(
    outcomes.map(({ ok }) => ok),
    [true, false, true, true, false],
  );
  t.same(
    drafts.map(({ change }) => change.monitor.name),
    ['b'],
  );
});

t.test(
  'a ping id is that of one monitor, also within a batch, and free once that one has another or is gone',
  async (t) => {
    const [one, two] = ['0f8fad5b-d9cb-469f-a165-70867728950e', '7c9e6679-7425-40de-944b-e07fc1f90ae7'];
    const configure = (name: string, pingId: string): Command => ({
      kind: 'configure',
      configuration: { name, mode: 'upsert', patch: { frequencyMs: minuteMs, pingId }, etag: null },
      receivedMs: tenMs,
    });
    const told = (commands: Command[], stored: Monitor[] = []) =>
      decide({ commands, stored }).outcomes.map((outcome) => (outcome.ok ? 'ok' : outcome.refusal.message));
    const taken = `ping_id: is that of "a" already; leave it out to get a new one`;
    t.same(told([configure('a', one), configure('b', one), configure('a', one)]), ['ok', taken, 'ok']);
    t.same(told([configure('a', one), configure('a', two), configure('b', one)]), ['ok', 'ok', 'ok']);
    const removal: Command = { kind: 'remove', name: 'a', etag: null, receivedMs: tenMs };
    t.same(told([configure('a', one), removal, configure('b', one)]), ['ok', 'ok', 'ok']);
  },
);
