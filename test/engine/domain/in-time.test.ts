import fc from 'fast-check';
import t from 'tap';
import type { BeatStatus } from '../../../server/engine/domain/monitor.ts';
import { hourMs, minuteMs, tenMs } from '../cast.ts';
import { World } from './world.ts';

/**
 * When the monitor is looked at decides nothing: every second, only when it is to wake, or not at all until the next event
 * comes, it is the same story.
 */

const patch = fc.record(
  {
    frequencyMs: fc.constantFrom(5_000, 20_000, 60_000),
    cron: fc.constantFrom(null, null, { expression: '0 * * * *', timeZone: 'UTC' }),
    graceMs: fc.constantFrom(0, 3_000, 30_000),
    maxRunMs: fc.constantFrom(null, 4_000, 30_000),
    minRunMs: fc.constantFrom(null, 2_000),
    minIntervalMs: fc.constantFrom(null, 10_000),
    failuresToAlert: fc.integer({ min: 1, max: 4 }),
    beatsToRecover: fc.integer({ min: 1, max: 3 }),
    maintenance: fc.array(
      fc
        .record({ inS: fc.integer({ min: -60, max: 300 }), forS: fc.integer({ min: 1, max: 120 }) })
        .map(({ inS, forS }) => {
          const fromMs = tenMs + inS * 1_000;
          return { kind: 'once' as const, fromMs, toMs: fromMs + forS * 1_000 };
        }),
      { maxLength: 2 },
    ),
  },
  { requiredKeys: ['frequencyMs'] },
);

const event = fc.record({
  afterS: fc.oneof({ weight: 6, arbitrary: fc.integer({ min: 0, max: 40 }) }, fc.constantFrom(100, 400, 4_000)),
  /** The last so many seconds of it the server was not listening. */
  blindS: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, fc.integer({ min: 2, max: 40 })),
  what: fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        status: fc.constantFrom<BeatStatus[]>('ok', 'ok', 'ok', 'fail', 'start', 'start', 'keep_alive'),
        run: fc.constantFrom('', '', 'x', 'y'),
      }),
    },
    { weight: 1, arbitrary: patch.map((patch) => ({ patch })) },
    {
      weight: 1,
      arbitrary: fc
        .record({ untilS: fc.option(fc.integer({ min: 1, max: 60 })), untilPing: fc.boolean() })
        .map((pause) => ({ pause })),
    },
    { weight: 1, arbitrary: fc.constant({ resume: true }) },
  ),
});

type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;

function play(first: Parameters<World['configure']>[0], events: readonly Event[], how: 'steps' | 'wakes' | 'never') {
  const world = new World({ blindHoldMaxMs: 15_000 });
  world.configure(first);
  const wait = (toMs: number) => {
    if (how === 'steps') world.pass(toMs);
    else if (how === 'wakes') world.passByWakes(toMs);
  };
  for (const { afterS, blindS, what } of events) {
    const nextMs = world.nowMs + afterS * 1_000;
    const blindFromMs = Math.max(world.nowMs, nextMs - blindS * 1_000);
    // In the ms of its deadline a beat is in time: nobody looks before it is read.
    if (blindS === 0) wait(nextMs - 1);
    else if (blindFromMs > world.nowMs) wait(blindFromMs - 1);
    world.nowMs = nextMs;
    if (blindS > 0 && nextMs > blindFromMs) world.blinds.push({ fromMs: blindFromMs, toMs: nextMs });
    if ('status' in what) world.beat({ ...what, frequencyMs: null });
    else if ('patch' in what) world.configure(what.patch);
    else if ('resume' in what) world.resume();
    else {
      // Whoever pauses a monitor does not want to hear of it any more: what was not seen yet stays unsaid.
      world.nowMs = nextMs - 1;
      world.look();
      world.nowMs = nextMs;
      const { untilS, untilPing } = what.pause;
      world.pause({ untilMs: untilS === null ? null : world.nowMs + untilS * 1_000, untilPing });
    }
  }
  world.nowMs += 1;
  world.look();
  return world;
}

/** What is the same, whoever looked when: ids and what the notices are made of aside. */
function told(world: World) {
  const { incident, version: _, config, hold: __, progress, ...monitor } = world.monitor();
  return {
    monitor: {
      ...monitor,
      progress: { ...progress, alert: Boolean(progress.alert?.open) },
      incident: incident && { ...incident, id: '' },
      config: { ...config, pingId: '' },
    },
    incidents: [...world.incidents.values()].map((each) => ({ ...each, id: '' })),
    pauses: world.pauses,
    beats: world.beats.map((each) => ({ ...each, receivedMs: 0 })),
  };
}

t.test('looked at every second, or only when it wakes', async (t) => {
  let incidents = 0;
  fc.assert(
    fc.property(patch, fc.array(event, { minLength: 5, maxLength: 30, size: 'max' }), (first, events) => {
      const wanted = play(first, events, 'steps');
      const found = play(first, events, 'wakes');
      incidents += wanted.incidents.size;
      equal(told(found), told(wanted));
      const said = ({ notices }: World) =>
        notices.map(({ type, merged, downSinceMs }) => ({ type, merged, downSinceMs }));
      equal(said(found), said(wanted));
    }),
    { numRuns: 300 },
  );
  t.ok(incidents > 100, `${incidents} incidents`);
});

t.test('what a beat finds undone is done as if in time', async (t) => {
  let incidents = 0;
  fc.assert(
    fc.property(patch, fc.array(event, { minLength: 5, maxLength: 30, size: 'max' }), (first, events) => {
      const wanted = play(first, events, 'steps');
      const found = play(first, events, 'never');
      incidents += wanted.incidents.size;
      equal(told(found), told(wanted));
      // A down and its up, or one merged notice for both.
      const heard = ({ notices }: World) =>
        notices.flatMap(({ type, merged, downSinceMs }) =>
          merged ? [`down ${downSinceMs}`, `up ${downSinceMs}`] : [`${type} ${downSinceMs}`],
        );
      equal(heard(found), heard(wanted));
    }),
    { numRuns: 300 },
  );
  t.ok(incidents > 100, `${incidents} incidents`);
});

function equal(found: unknown, wanted: unknown): void {
  const [a, b] = [JSON.stringify(found, null, 1), JSON.stringify(wanted, null, 1)];
  if (a !== b) throw new Error(`found ${a}, wanted ${b}`);
}

t.test('a story in which nothing is heard for days is caught up with at once', async (t) => {
  const world = new World();
  const frequencyMs = minuteMs;
  world.configure({ frequencyMs, failuresToAlert: 100, graceMs: 0 });
  world.beat({ frequencyMs: null });
  world.nowMs += 90 * 24 * hourMs;
  world.beat({ frequencyMs: null });
  t.match([...world.incidents.values()], [{ startedMs: tenMs + 100 * minuteMs, endedMs: world.nowMs }]);
  t.match(world.notices, [{ merged: true }]);
});
