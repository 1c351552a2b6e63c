import fc from 'fast-check';
import t from 'tap';
import { MonitorTimers } from '../../server/engine/monitor-timers.ts';

/** Ids as the store gives them, and such as it gives after many monitors came and went. */
const id = fc.oneof(
  fc.integer({ min: 1, max: 20 }),
  fc.constantFrom(1023, 1024, 1025, 4_095, 4_096, 2 ** 22 - 1, 2 ** 22, 2 ** 22 + 1, 2 ** 31, 2 ** 32 + 1, 2 ** 52),
);

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('set' as const), id, inMs: fc.nat(5_000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('delete' as const, 'sleep' as const), id }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(2_000) }) },
);

t.test('wakes each monitor at its last time, whatever its id', async (t) => {
  const stories = fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
    let nowMs = 1_000_000;
    const timers = new MonitorTimers(nowMs);
    const model = new Map<number, number>();
    for (const step of steps) {
      if (step.kind === 'set') {
        timers.set(step.id, nowMs + step.inMs);
        model.set(step.id, nowMs + step.inMs);
      } else if (step.kind === 'pass') {
        nowMs += step.ms;
        const due = [...model.keys()].filter((id) => model.get(id)! <= nowMs - 16);
        const taken = timers.takeDue(nowMs, 100);
        for (const id of taken) {
          if (!(model.get(id)! <= nowMs)) throw new Error(`monitor ${id} was woken early, or for nothing`);
          model.delete(id);
        }
        for (const id of due) if (model.has(id)) throw new Error(`monitor ${id} was not woken`);
      } else {
        if (step.kind === 'delete') timers.delete(step.id);
        else timers.set(step.id, null);
        model.delete(step.id);
      }
      if (timers.size !== model.size) throw new Error(`${timers.size} are awaited, not ${model.size}`);
    }
  });
  t.doesNotThrow(() => fc.assert(stories, { numRuns: 100 }));
});
