import fc from 'fast-check';
import t from 'tap';
import type { AlertRules } from '../../../server/engine/domain/alerting/alert-rules.ts';
import { planFor, subjectOf } from '../../../server/engine/domain/alerting/plan.ts';
import { alertRules } from '../../support/alert-rules.ts';
import { hourMs, tenMs } from '../cast.ts';
import { World } from './world.ts';

const everything = { tags: [], namePattern: '', severities: [] };
const channels = ['default', 'chat', 'pager'];

const reminderMs = fc.option(fc.constantFrom(20_000, 45_000), { nil: null });
const route = fc.record({
  name: fc.constantFrom('a', 'b'),
  match: fc.constant(everything),
  steps: fc.tuple(
    fc.record({ afterMs: fc.constantFrom(0, 10_000), channels: fc.constantFrom(['chat'], ['chat', 'default']) }),
    fc.record({ afterMs: fc.constantFrom(15_000, 70_000), channels: fc.constant(['pager']) }),
  ),
  reminderMs,
  recovery: fc.boolean(),
});
const silence = fc.record({ fromS: fc.nat(200), forS: fc.integer({ min: 1, max: 100 }) }).map(({ fromS, forS }) => {
  const fromMs = tenMs + fromS * 1_000;
  return { id: 's', match: everything, fromMs, untilMs: fromMs + forS * 1_000 };
});
const rules: fc.Arbitrary<AlertRules> = fc
  .record({
    routes: fc.array(route, { maxLength: 2 }),
    silences: fc.array(silence, { maxLength: 2 }),
    reminderMs,
    flapDowns: fc.option(fc.constantFrom(3, 5), { nil: null }),
  })
  .map((fields) => alertRules(fields, channels));

const event = fc.record({
  afterS: fc.integer({ min: 1, max: 60 }),
  // Mostly up and down.
  what: fc.constantFrom(
    ...Array(4).fill(['ok', 'fail']).flat(),
    'acknowledge',
    'unacknowledge',
    'pause',
    'resume',
    'nothing',
  ),
});
type Event = { afterS: number; what: string };

/** Plays a story, looking at the monitor every second, or only when it wants to be looked at. */
function play(given: AlertRules, events: readonly Event[], how: 'seconds' | 'wakes'): World {
  const world = new World({ rules: given });
  world.beat({ frequencyMs: 10 * hourMs });
  for (const { afterS, what } of events) {
    const toMs = world.nowMs + afterS * 1_000;
    if (how === 'seconds') world.pass(toMs);
    else world.passByWakes(toMs);
    const by = what === 'acknowledge' ? { by: 'me', note: '' } : null;
    if (what === 'ok') world.beat({ frequencyMs: 10 * hourMs });
    else if (what === 'fail') world.beat({ frequencyMs: 10 * hourMs, status: 'fail' });
    else if (what === 'pause') world.pause();
    else if (what === 'resume') world.resume();
    else if (what !== 'nothing')
      world.run([{ kind: 'acknowledge', name: 'backup', incidentId: null, by, receivedMs: world.nowMs }]);
  }
  const endMs = world.nowMs + 3_000_000;
  if (how === 'seconds') world.pass(endMs);
  else world.passByWakes(endMs);
  return world;
}

const lines = ({ deliveries }: World) =>
  deliveries.map(
    ({ channel, notice }) => `${channel} ${notice.type} ${notice.repeat} ${notice.flaps} ${notice.atMs - tenMs}`,
  );

/** What one channel hears: a down (or that it flaps), reminders in order, and how it ended; then perhaps another. */
function checkChannel(world: World, channel: string): void {
  let open: { id: string; repeat: number } | null = null;
  for (const { notice } of world.deliveries.filter((delivery) => delivery.channel === channel)) {
    const { type, incidentId, repeat, flaps } = notice;
    if (type === 'up' || type === 'closed') {
      must(open?.id === incidentId, `${channel}: ${type} of what it was told is open`);
      open = null;
    } else if (repeat > 0) {
      must(open?.id === incidentId && repeat === open.repeat + 1, `${channel}: reminders of what is open, in order`);
      open = { id: incidentId, repeat };
    } else {
      // Whose route does not tell recoveries hears of the next down while the one before seems open.
      const hearsEnds = planFor(subjectOf(world.monitor()), world.context.rules).find(
        (planned) => planned.channel === channel,
      )?.recovery;
      const isSteady = flaps > 0 && type === 'down' && (open === null || open.id === incidentId);
      must(open === null || isSteady || hearsEnds === false, `${channel}: one at a time`);
      open = { id: incidentId, repeat: 0 };
    }
  }
}

/** Nobody is told of a down within a silence; and whoever should have been told by the end, was. */
function checkAll(world: World, { silences }: AlertRules): void {
  for (const channel of channels) checkChannel(world, channel);
  for (const { notice, channel } of world.deliveries) {
    const isSilent = silences.some(({ fromMs, untilMs }) => fromMs <= notice.atMs && notice.atMs < untilMs);
    const isEnd = notice.type === 'up' || notice.type === 'closed';
    must(isEnd || !isSilent, `${channel} is told within a silence`);
  }
  const { alert } = world.monitor().progress;
  if (world.monitor().status !== 'down' || !alert?.open || alert.open.ack) return;
  for (const { channel } of planFor(subjectOf(world.monitor()), world.context.rules)) {
    const isTold = world.deliveries.findLast((delivery) => delivery.channel === channel);
    must(isTold !== undefined && isTold.notice.type === 'down', `${channel} knows in the end`);
  }
}

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

t.test('whatever happens: nobody is told too early, twice, or never', async (t) => {
  const seen = { told: 0, reminders: 0, flapping: 0, closed: 0, steps: 0 };
  fc.assert(
    fc.property(rules, fc.array(event, { minLength: 3, maxLength: 25, size: 'max' }), (given, events) => {
      const world = play(given, events, 'wakes');
      const slow = lines(play(given, events, 'seconds'));
      const quick = lines(world);
      must(JSON.stringify(slow) === JSON.stringify(quick), `by seconds ${slow}; by wakes ${quick}`);
      checkAll(world, given);
      for (const { notice } of world.deliveries) {
        seen.told += 1;
        seen.reminders += Number(notice.repeat > 0);
        seen.flapping += Number(notice.type === 'flapping');
        seen.closed += Number(notice.type === 'closed');
        seen.steps += Number(notice.atMs > notice.downSinceMs && notice.repeat === 0 && notice.type === 'down');
      }
    }),
    { numRuns: 400 },
  );
  for (const [what, count] of Object.entries(seen)) t.ok(count > 10, `${count} ${what}`);
});
