import fc from 'fast-check';
import t from 'tap';
import { applyBeat } from '../../../server/engine/domain/apply-beat.ts';
import { applySilence } from '../../../server/engine/domain/apply-silence.ts';
import type { Decision, DecisionContext } from '../../../server/engine/domain/decision.ts';
import type { BeatStatus, BlindInterval, Monitor } from '../../../server/engine/domain/monitor.ts';
import { beatOf, contextOf, counter, tenMs } from '../cast.ts';

/** Whatever happens to a monitor, in any order: what must hold after every step. */

const holdMaxMs = 15_000;
const repeatMs = 10_000;

type Step =
  | { kind: 'beat'; status: BeatStatus; frequencyMs: number; graceMs: number; stampS: number | null; beatId: boolean }
  | { kind: 'pass'; byMs: number }
  | { kind: 'back'; byMs: number }
  | { kind: 'blind'; byMs: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('beat' as const),
      status: fc.constantFrom<BeatStatus[]>('ok', 'ok', 'ok', 'fail', 'start', 'log'),
      frequencyMs: fc.constantFrom(5_000, 20_000, 60_000),
      graceMs: fc.constantFrom(0, 3_000),
      stampS: fc.option(fc.integer({ min: -90, max: 70 })),
      beatId: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), byMs: fc.integer({ min: 0, max: 30_000 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('back' as const), byMs: fc.integer({ min: 1, max: 30_000 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('blind' as const), byMs: fc.integer({ min: 2_000, max: 40_000 }) }),
  },
);

class Story {
  nowMs = tenMs;
  monitor: Monitor | undefined;
  blinds: BlindInterval[] = [];
  /** Incidents as a store would keep them. */
  incidents = new Map<string, { startedMs: number; endedMs: number | null }>();
  /** What was said about each incident, in order. */
  said = new Map<string, string[]>();
  newId = counter('id');
  beats = 0;

  get context(): DecisionContext {
    const { nowMs, blinds } = this;
    return { ...contextOf({ nowMs, blinds, blindHoldMaxMs: holdMaxMs, alertRepeatMs: repeatMs }), newId: this.newId };
  }

  play(step: Step): void {
    if (step.kind === 'beat') {
      this.#beat(step);
      return;
    }
    const fromMs = this.nowMs;
    this.nowMs += step.kind === 'back' ? -step.byMs : step.byMs;
    if (step.kind === 'blind') this.blinds.push({ fromMs, toMs: this.nowMs });
    this.#silence();
  }

  #beat({ stampS, beatId, ...step }: Step & { kind: 'beat' }): void {
    const before = this.monitor;
    const stamp = stampS === null ? null : Math.floor(this.nowMs / 1000) + stampS;
    const beat = beatOf({ ...step, stampS: stamp, receivedMs: this.nowMs, beatId: beatId ? this.newId() : '' });
    const result = applyBeat(before, beat, this.context);
    if (!result.ok) return;
    same(result.decision.beats.length, 1, 'an accepted beat is recorded once');
    if (result.accepted === 'stale') {
      same(JSON.stringify(result.decision.monitor), JSON.stringify(before), 'stale changes nothing');
      same(result.decision.notices.length + result.decision.incidents.length, 0, 'stale says nothing');
      return;
    }
    if (stamp === null && step.status === 'ok') same(result.decision.monitor.status, 'up', 'an unstamped ok is heard');
    if (step.status === 'fail') same(result.decision.monitor.status, 'down', 'a fail is down at once');
    this.#follow(before, result.decision);
  }

  #silence(): void {
    const before = this.monitor;
    const decision = before && applySilence(before, this.context);
    if (decision) {
      if (before.status !== 'down' && decision.monitor.status === 'down') this.#checkMiss(before, decision.monitor);
      if (before.hold)
        same(JSON.stringify(decision.monitor.hold), JSON.stringify(before.hold), 'a hold is not renewed');
      this.#follow(before, decision);
    }
    const after = this.monitor;
    if (!after || after.status === 'down' || after.deadlineMs === null || after.deadlineMs > this.nowMs) return;
    // Past its deadline and not down: only a hold explains that, and only for so long.
    const { hold } = after;
    if (!hold || hold.untilMs <= this.nowMs) throw new Error('a missed deadline did not lead to a down');
    same(hold.untilMs, hold.blind.toMs + Math.min(after.frequencyMs, holdMaxMs), 'length of the hold');
    const overlaps = hold.blind.toMs >= after.dueMs! - after.frequencyMs / 10 && hold.blind.fromMs <= after.deadlineMs;
    same(overlaps, true, 'the hold has its reason');
  }

  #checkMiss(before: Monitor, { incident, hold }: Monitor): void {
    same(incident!.startedMs, hold?.untilMs ?? before.deadlineMs, 'dated at the deadline or the end of its hold');
    if (incident!.startedMs > this.nowMs) throw new Error('down before its time');
    const overlapping = this.blinds.filter(
      ({ fromMs, toMs }) => toMs >= before.dueMs! - before.frequencyMs / 10 && fromMs <= before.deadlineMs!,
    );
    const explained =
      hold !== null ||
      overlapping.every(
        ({ toMs }) => toMs + holdMaxMs <= before.deadlineMs! || toMs + before.frequencyMs <= before.deadlineMs!,
      );
    same(explained, true, 'blind time over the deadline is explained');
  }

  #follow(before: Monitor | undefined, { monitor, incidents, notices, beats }: Decision): void {
    this.monitor = monitor;
    this.beats += beats.length;
    for (const { id, startedMs, endedMs } of incidents) {
      const known = this.incidents.get(id);
      if (known && (known.endedMs !== null || endedMs === null)) throw new Error('opened or closed twice');
      if (endedMs !== null && endedMs < startedMs) throw new Error('ended before it started');
      this.incidents.set(id, { startedMs, endedMs });
    }
    for (const { notice } of notices) {
      const said = this.said.get(notice.incidentId) ?? [];
      said.push(notice.merged ? 'merged' : notice.repeat > 0 ? `repeat ${notice.repeat}` : notice.type);
      this.said.set(notice.incidentId, said);
    }
    const open = [...this.incidents].filter(([, { endedMs }]) => endedMs === null);
    if (open.length > 1) throw new Error('two open incidents');
    same(open[0]?.[0], monitor.incident?.id, 'the open incident is the monitor’s');
    same(monitor.status === 'down', monitor.incident !== null, 'down iff an incident is open');
    same(before === undefined || before.name === monitor.name, true, 'name');
    if (monitor.status === 'up') {
      same(monitor.dueMs, monitor.lastBeatMs! + monitor.frequencyMs, 'due a period after the last beat');
      same(monitor.deadlineMs, monitor.dueMs! + monitor.graceMs, 'the deadline is the due time and the grace');
    }
    this.#checkSaid();
  }

  /** Down, its repeats, up; or one merged notice. Nothing twice. */
  #checkSaid(): void {
    for (const [id, { endedMs }] of this.incidents) {
      const said = this.said.get(id)!;
      const whole = said.join(',');
      if (whole === 'merged' && endedMs !== null) continue;
      const repeats = said.slice(1, endedMs === null ? undefined : -1);
      const wanted = ['down', ...repeats.map((_, index) => `repeat ${index + 1}`), ...(endedMs === null ? [] : ['up'])];
      same(whole, wanted.join(','), 'what was said of an incident');
    }
  }
}

function same(found: unknown, wanted: unknown, what: string): void {
  if (!Object.is(found, wanted)) throw new Error(`${what}: found ${found}, wanted ${wanted}`);
}

t.test('every story keeps the rules', async (t) => {
  let accepted = 0;
  let incidents = 0;
  let merged = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 40 }), (steps) => {
      const story = new Story();
      for (const step of steps) story.play(step);
      accepted += story.beats;
      incidents += story.incidents.size;
      merged += [...story.said.values()].filter(([first]) => first === 'merged').length;
    }),
    { numRuns: 3_000 },
  );
  t.ok(
    accepted > 5_000 && incidents > 1_000,
    `stories with something in them: ${accepted} beats, ${incidents} incidents`,
  );
  t.comment({ accepted, incidents, merged });
});
