import fc from 'fast-check';
import t from 'tap';
import { TimingWheel } from '../../../server/engine/wheel/timing-wheel.ts';

const TICK_MS = 16;
const EPOCH_MS = Date.UTC(2026, 0, 1);
const HORIZON_TICKS = 3 * 2 ** 30;
const PAST_TICKS = 2 ** 30 - 1;
const DAY_MS = 86_400_000;

/** Whether `advance`, called again with the same time, has more to do. */
function hasBacklog(wheel: TimingWheel, nowMs: number): boolean {
  const nextMs = wheel.nextMs();
  return nextMs !== null && nextMs <= nowMs;
}

/** Advances to `nowMs` in batches until nothing is left to do. */
function drain(wheel: TimingWheel, nowMs: number, limit = 64): number[] {
  const fired: number[] = [];
  do {
    const batch = wheel.advance(nowMs, limit);
    if (batch.length > limit) throw new Error(`a batch of ${batch.length}`);
    fired.push(...batch);
  } while (hasBacklog(wheel, nowMs));
  return fired;
}

type Armed = {
  dueTick: number;
  /** Before `dueTick` only when that may lie beyond the horizon. */
  earliestTick: number;
  /** Armed when its tick had come: its place in the order is not told. */
  armedLate: boolean;
};

/** What the wheel promises, kept the simplest way: a map of timers, searched whole at every step. */
class NaiveModel {
  readonly timers = new Map<number, Armed | null>();
  /** The furthest tick that was drained. */
  tick = 0;
  /** No tick before this one is the wheel's present, which lags behind while there is a backlog. */
  presentMin = 0;
  tickOf = (dueMs: number): number => Math.ceil((dueMs - EPOCH_MS) / TICK_MS);

  arm(handle: number, dueMs: number): void {
    const dueTick = this.tickOf(dueMs);
    const earliestTick = Math.min(dueTick, this.presentMin + HORIZON_TICKS);
    this.timers.set(handle, { dueTick, earliestTick, armedLate: dueTick <= this.tick });
  }

  reset(nowMs: number): void {
    this.tick = Math.floor((nowMs - EPOCH_MS) / TICK_MS);
    this.presentMin = this.tick;
    const clip = (tick: number): number => Math.max(this.tick - PAST_TICKS, Math.min(tick, this.tick + HORIZON_TICKS));
    for (const [, timer] of this.armed()) {
      timer.dueTick = clip(timer.dueTick);
      timer.earliestTick = clip(timer.earliestTick);
      timer.armedLate = timer.dueTick <= this.tick;
    }
  }

  armed(): [number, Armed][] {
    return [...this.timers].filter((entry): entry is [number, Armed] => !!entry[1]);
  }
}

/** Delays that land in every level of the wheel and around the borders of each; some lie in the past. */
const delayMs = fc.oneof(
  fc.integer({ min: -5_000, max: 5_000 }),
  fc.integer({ min: 0, max: 3_600_000 }),
  fc.integer({ min: 0, max: 366 * DAY_MS }),
  // The last and first ticks of every level.
  fc
    .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: -2, max: 2 }))
    .map(([level, off]) => (64 ** level + off) * TICK_MS),
);

type Step =
  | { kind: 'allocate' | 'disarm' | 'release'; pick: number }
  | { kind: 'arm'; pick: number; delayMs: number }
  | { kind: 'advance'; byMs: number; limit: number; batches: number }
  | { kind: 'next' }
  | { kind: 'reset'; byMs: number };

const pick = fc.nat(1_000);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('allocate' as const), pick }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('disarm' as const, 'release' as const), pick }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('arm' as const), pick, delayMs }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('advance' as const),
      byMs: delayMs,
      limit: fc.integer({ min: 1, max: 5 }),
      batches: fc.integer({ min: 1, max: 200 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('next' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('reset' as const),
      byMs: fc.oneof(delayMs, fc.integer({ min: -150 * DAY_MS, max: 0 })),
    }),
  },
);

t.test('behaves as a naive model, whatever happens in whatever order', async (t) => {
  // Started at ticks near 0, 2^31 and 2^32, where 32-bit arithmetic would show.
  for (const startTick of [0, 2 ** 31 - 300, 2 ** 32 - 300]) {
    const stories = fc.property(fc.array(step, { minLength: 100, maxLength: 400, size: 'max' }), (steps) =>
      runSteps(startTick, steps),
    );
    t.doesNotThrow(() => fc.assert(stories, { numRuns: 150 }), `from tick ${startTick} on`);
  }
});

function runSteps(startTick: number, steps: Step[]): void {
  const wheel = new TimingWheel({ epochMs: EPOCH_MS, tickMs: TICK_MS, capacity: 2 });
  const model = new NaiveModel();
  let nowMs = EPOCH_MS + startTick * TICK_MS;
  wheel.advance(nowMs, 1);
  model.tick = startTick;
  model.presentMin = startTick;
  let order = Number.NEGATIVE_INFINITY;

  const check = (ok: boolean, what: string): void => {
    if (!ok) throw new Error(what);
  };
  const choose = (n: number): number | undefined => [...model.timers.keys()][n % Math.max(1, model.timers.size)];

  const fire = (batch: number[], limit: number): void => {
    check(batch.length <= limit, 'more than the limit');
    for (const handle of batch) {
      const timer = model.timers.get(handle);
      check(!!timer, `timer ${handle} fired, which was not armed`);
      check(EPOCH_MS + timer!.earliestTick * TICK_MS <= nowMs, `timer ${handle} fired early`);
      if (!timer!.armedLate && timer!.earliestTick === timer!.dueTick) {
        check(timer!.dueTick >= order, 'fired out of order');
        order = timer!.dueTick;
      }
      model.timers.set(handle, null);
    }
  };

  for (const step of steps) {
    if (step.kind === 'allocate') {
      const handle = wheel.allocate();
      check(!model.timers.has(handle), 'a handle handed out twice');
      model.timers.set(handle, null);
    } else if (step.kind === 'arm') {
      const handle = choose(step.pick);
      if (handle === undefined) continue;
      wheel.arm(handle, nowMs + step.delayMs);
      model.arm(handle, nowMs + step.delayMs);
    } else if (step.kind === 'disarm' || step.kind === 'release') {
      const handle = choose(step.pick);
      if (handle === undefined) continue;
      wheel[step.kind](handle);
      if (step.kind === 'disarm') model.timers.set(handle, null);
      else model.timers.delete(handle);
    } else if (step.kind === 'advance') {
      nowMs += step.byMs;
      const tick = Math.floor((nowMs - EPOCH_MS) / TICK_MS);
      let batches = step.batches;
      do fire(wheel.advance(nowMs, step.limit), step.limit);
      while (hasBacklog(wheel, nowMs) && --batches > 0);
      // From here on, whatever is armed for a tick up to this one may fire out of order.
      model.tick = Math.max(model.tick, tick);
      if (!hasBacklog(wheel, nowMs)) {
        model.presentMin = Math.max(model.presentMin, tick);
        // Drained: nothing that is due is left, except what was armed in a past that the wheel had already seen.
        for (const [handle, timer] of model.armed()) {
          if (timer.dueTick > tick) continue;
          check(tick < model.tick, `timer ${handle} was due and did not fire`);
        }
        if (tick === model.tick) order = Number.NEGATIVE_INFINITY;
      }
    } else if (step.kind === 'reset') {
      nowMs += step.byMs;
      wheel.reset(nowMs);
      model.reset(nowMs);
      order = Number.NEGATIVE_INFINITY;
    } else {
      const nextMs = wheel.nextMs();
      check((nextMs === null) === (model.armed().length === 0), 'nextMs is null although something is armed');
      if (nextMs !== null && nextMs > nowMs) {
        check(wheel.advance(nextMs - 1, 5).length === 0, 'something fired before nextMs');
        nowMs = Math.max(nowMs, nextMs - 1);
        model.tick = Math.max(model.tick, Math.floor((nowMs - EPOCH_MS) / TICK_MS));
      }
    }
    check(wheel.size === model.armed().length, 'size');
  }
}

t.test('fires neither early nor more than a tick late when it is advanced as nextMs says', async (t) => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.array(delayMs, { minLength: 1, maxLength: 50 }), (delays) => {
        const wheel = new TimingWheel({ epochMs: EPOCH_MS });
        const dues = new Map<number, number>();
        for (const delay of delays) {
          const handle = wheel.allocate();
          dues.set(handle, EPOCH_MS + delay);
          wheel.arm(handle, EPOCH_MS + delay);
        }
        let turns = 0;
        let nowMs = EPOCH_MS;
        for (let nextMs = wheel.nextMs(); nextMs !== null; nextMs = wheel.nextMs()) {
          nowMs = Math.max(nowMs, nextMs);
          for (const handle of drain(wheel, nowMs)) {
            const dueMs = Math.max(EPOCH_MS, dues.get(handle)!);
            if (nowMs < dueMs || nowMs >= dueMs + TICK_MS) throw new Error(`due ${dueMs}, fired ${nowMs}`);
            dues.delete(handle);
          }
          if (++turns > delays.length * 7) throw new Error('nextMs makes no progress');
        }
        if (dues.size > 0) throw new Error(`${dues.size} never fired`);
      }),
      { numRuns: 300 },
    ),
  );
});

t.test('a later deadline is only written down, and the timer fires once, at the last one', async (t) => {
  const wheel = new TimingWheel({ epochMs: EPOCH_MS });
  const handle = wheel.allocate();
  wheel.arm(handle, EPOCH_MS + 1_000);
  const filedMs = wheel.nextMs()!;
  for (let n = 2; n <= 1_000; n++) wheel.arm(handle, EPOCH_MS + n * 1_000);
  t.equal(wheel.nextMs(), filedMs, 'still in the slot of the first deadline: nothing was re-filed');
  t.equal(wheel.size, 1);
  t.same(drain(wheel, EPOCH_MS + 999_999), [], 'visited in vain');
  t.ok(wheel.nextMs()! > filedMs, 're-filed when it was visited');
  t.same(drain(wheel, EPOCH_MS + 1_000_016), [handle]);
  t.same(drain(wheel, EPOCH_MS + 9_000_000), [], 'once');

  wheel.arm(handle, EPOCH_MS + 20_000_000);
  wheel.arm(handle, EPOCH_MS + 9_000_100);
  t.same(drain(wheel, EPOCH_MS + 9_000_116), [handle], 'an earlier deadline is re-filed at once');
});

t.test('what is disarmed leaves nothing to wake up for', async (t) => {
  const wheel = new TimingWheel({ epochMs: EPOCH_MS });
  const [early, late] = [wheel.allocate(), wheel.allocate()];
  wheel.arm(late, EPOCH_MS + 100 * DAY_MS);
  const lateMs = wheel.nextMs()!;
  wheel.arm(early, EPOCH_MS + 1_000);
  t.ok(wheel.nextMs()! <= EPOCH_MS + 1_008);
  wheel.disarm(early);
  t.equal(wheel.nextMs(), lateMs);
  wheel.release(late);
  t.equal(wheel.nextMs(), null);
});

t.test('a deadline beyond the horizon fires at the horizon, about 596 days ahead', async (t) => {
  const wheel = new TimingWheel({ epochMs: EPOCH_MS });
  const [far, farther, never] = [wheel.allocate(), wheel.allocate(), wheel.allocate()];
  const horizonMs = EPOCH_MS + HORIZON_TICKS * TICK_MS;
  wheel.arm(far, horizonMs - TICK_MS);
  wheel.arm(farther, horizonMs * 10);
  wheel.arm(never, Number.POSITIVE_INFINITY);
  t.ok(horizonMs - EPOCH_MS > 590 * DAY_MS);
  t.same(drain(wheel, horizonMs - 2 * TICK_MS), []);
  t.same(drain(wheel, horizonMs - TICK_MS), [far]);
  t.same(drain(wheel, horizonMs - 1), []);
  t.same(drain(wheel, horizonMs).sort(), [farther, never]);
});

t.test('one that is moved beyond the horizon fires at the horizon too', async (t) => {
  const wheel = new TimingWheel({ epochMs: EPOCH_MS });
  const handle = wheel.allocate();
  const horizonMs = EPOCH_MS + HORIZON_TICKS * TICK_MS;
  for (const dueMs of [EPOCH_MS + 1_000, horizonMs + TICK_MS, horizonMs * 10, Number.POSITIVE_INFINITY]) {
    wheel.arm(handle, dueMs);
  }
  t.same(drain(wheel, horizonMs - 1), []);
  t.same(drain(wheel, horizonMs), [handle]);
});

t.test('one that slept for years is armed like a new one', async (t) => {
  const stops: Record<string, (wheel: TimingWheel, handle: number) => void> = {
    fired: (wheel) => drain(wheel, EPOCH_MS + 2_000),
    disarmed: (wheel, handle) => wheel.disarm(handle),
    released: (wheel, handle) => {
      wheel.release(handle);
      wheel.allocate();
    },
  };
  for (const [stopped, stop] of Object.entries(stops)) {
    // The ticks go once around in 795 days, so what lay behind comes to lie ahead.
    for (let days = 1; days < 800; days += 50) {
      const wheel = new TimingWheel({ epochMs: EPOCH_MS });
      const handle = wheel.allocate();
      wheel.arm(handle, EPOCH_MS + 1_000);
      stop(wheel, handle);
      const nowMs = EPOCH_MS + days * DAY_MS;
      const dueMs = nowMs + 590 * DAY_MS;
      t.same(drain(wheel, nowMs), []);
      wheel.arm(handle, dueMs);
      t.equal(wheel.size, 1, `${stopped}, then ${days} days later`);
      t.same(drain(wheel, dueMs), [handle]);
    }
  }
});

t.test('the tick at which the count of ticks begins again is one like the others', async (t) => {
  const wrapMs = EPOCH_MS + 2 ** 32 * TICK_MS;
  const wheel = new TimingWheel({ epochMs: EPOCH_MS });
  const [later, earlier, off, on] = Array.from({ length: 4 }, () => wheel.allocate()) as [
    number,
    number,
    number,
    number,
  ];
  wheel.advance(wrapMs - 10_000, 1);
  for (const handle of [later, earlier, off, on]) wheel.arm(handle, wrapMs);
  wheel.arm(later, wrapMs + TICK_MS);
  wheel.arm(earlier, wrapMs - TICK_MS);
  wheel.disarm(off);
  t.equal(wheel.size, 3);
  t.same(drain(wheel, wrapMs - 1), [earlier]);
  t.same(drain(wheel, wrapMs), [on]);
  t.same(drain(wheel, wrapMs + TICK_MS), [later]);
});

t.test('keeps going for decades: ticks wrap around 2^32 without anybody noticing', async (t) => {
  const wheel = new TimingWheel({ epochMs: EPOCH_MS });
  const handle = wheel.allocate();
  let nowMs = EPOCH_MS;
  for (let year = 0; year < 30; year++) {
    wheel.arm(handle, nowMs + 365 * DAY_MS);
    t.same(drain(wheel, nowMs + 364 * DAY_MS), []);
    nowMs += 366 * DAY_MS;
    t.same(drain(wheel, nowMs), [handle]);
  }
});

t.test('a million timers in one tick come out in bounded batches', async (t) => {
  const count = 1_000_000;
  const wheel = new TimingWheel({ epochMs: EPOCH_MS });
  // Two hours ahead: they lie in a coarse slot, so they must also cascade through the finer ones.
  const dueMs = EPOCH_MS + 7_200_000;
  for (let n = 0; n < count; n++) wheel.arm(wheel.allocate(), dueMs);
  t.equal(wheel.size, count);

  // What is armed during the drain still has its turn.
  const extra = wheel.allocate();
  const seen = new Uint8Array(count + 1);
  let fired = 0;
  let batches = 0;
  let slowestMs = 0;
  do {
    const startedMs = performance.now();
    const batch = wheel.advance(dueMs, 1_000);
    slowestMs = Math.max(slowestMs, performance.now() - startedMs);
    if (batch.length > 1_000) t.fail('a batch over its limit');
    for (const handle of batch) seen[handle]!++;
    fired += batch.length;
    if (++batches === 10) wheel.arm(extra, EPOCH_MS);
  } while (hasBacklog(wheel, dueMs));
  t.equal(fired, count + 1);
  t.equal(
    seen.every((n) => n === 1),
    true,
    'each once',
  );
  // 4,000 visits a call, and every entry is visited once per level (up to 4 here) and once to fire.
  t.ok(batches <= 1_000 + (4 * count) / 4_000 + 10, `${batches} batches`);
  t.ok(batches >= 1_000, 'none did more than its share');
  t.comment(`slowest batch ${slowestMs.toFixed(2)} ms`);
});

t.test('re-armed entries count as visits: a slot full of them does not make one call long', async (t) => {
  const wheel = new TimingWheel({ epochMs: EPOCH_MS });
  for (let n = 0; n < 10_000; n++) {
    const handle = wheel.allocate();
    wheel.arm(handle, EPOCH_MS + 160);
    wheel.arm(handle, EPOCH_MS + 16_000_000);
  }
  let calls = 0;
  do {
    t.same(wheel.advance(EPOCH_MS + 160, 100), []);
    calls++;
  } while (hasBacklog(wheel, EPOCH_MS + 160));
  t.ok(calls >= 10_000 / 400 && calls <= 10_000 / 400 + 2, `${calls} calls`);
});

t.test('timers armed for the past do not push back those that wait', async (t) => {
  const wheel = new TimingWheel({ epochMs: EPOCH_MS });
  const waiting = Array.from({ length: 100 }, () => wheel.allocate());
  for (const handle of waiting) wheel.arm(handle, EPOCH_MS + 160);
  // As many as a batch takes, armed again and again.
  const rude = Array.from({ length: 10 }, () => wheel.allocate());
  const fired = new Set<number>();
  for (let n = 0; n < 20; n++) {
    for (const handle of wheel.advance(EPOCH_MS + 160, 10)) fired.add(handle);
    for (const handle of rude) wheel.arm(handle, EPOCH_MS);
  }
  t.ok(waiting.every((handle) => fired.has(handle)));
});

t.test('time that goes backwards fires nothing and loses nothing', async (t) => {
  const wheel = new TimingWheel({ epochMs: EPOCH_MS });
  const [due, armedBack] = [wheel.allocate(), wheel.allocate()];
  wheel.arm(due, EPOCH_MS + 2_000);
  t.same(drain(wheel, EPOCH_MS + 1_000), []);
  t.same(drain(wheel, EPOCH_MS + 500), []);
  wheel.arm(armedBack, EPOCH_MS + 800);
  t.same(drain(wheel, EPOCH_MS + 600), [], 'not early');
  t.notOk(hasBacklog(wheel, EPOCH_MS + 600), 'nothing to do before time has caught up');
  t.same(drain(wheel, EPOCH_MS + 1_008), [armedBack]);
  t.same(drain(wheel, EPOCH_MS + 2_000), [due]);
});

t.test('reset keeps what every timer is due at', async (t) => {
  const wheel = new TimingWheel({ epochMs: EPOCH_MS });
  const [soon, later] = [wheel.allocate(), wheel.allocate()];
  wheel.arm(soon, EPOCH_MS + 1_000);
  wheel.arm(later, EPOCH_MS + 3_600_000);
  wheel.reset(EPOCH_MS - DAY_MS);
  t.same(drain(wheel, EPOCH_MS + 999), []);
  t.same(drain(wheel, EPOCH_MS + 1_008), [soon]);
  wheel.arm(soon, EPOCH_MS + 2_000);
  wheel.reset(EPOCH_MS + 7_200_000);
  t.equal(wheel.size, 2);
  t.same(drain(wheel, EPOCH_MS + 7_200_000).sort(), [soon, later]);
});

t.test('misuse throws', async (t) => {
  const wheel = new TimingWheel({ epochMs: EPOCH_MS });
  const handle = wheel.allocate();
  t.throws(() => wheel.arm(handle + 1, EPOCH_MS), RangeError);
  t.throws(() => wheel.arm(-1, EPOCH_MS), RangeError);
  t.throws(() => wheel.arm(handle, Number.NaN), RangeError);
  t.throws(() => wheel.advance(Number.NaN, 1), RangeError);
  t.throws(() => wheel.advance(EPOCH_MS, 0), RangeError);
  wheel.arm(handle, EPOCH_MS + 1_000);
  t.throws(() => wheel.arm(handle, Number.NaN), RangeError);
  wheel.release(handle);
  t.throws(() => wheel.release(handle), RangeError);
  t.throws(() => wheel.arm(handle, EPOCH_MS + 1_000), RangeError);
  t.throws(() => new TimingWheel({ epochMs: 0.5 }), RangeError);
  t.equal(wheel.allocate(), handle, 'handles are used again');
});
