import fc from 'fast-check';
import t from 'tap';
import { reviewHeld } from '../../../server/engine/domain/held-alert.ts';
import { plainConfig } from '../../../server/engine/domain/monitor-config.ts';
import { type HeldAlert, noProgress } from '../../../server/engine/domain/progress.ts';
import { contextOf, hourMs, incidentOf, minuteMs, monitorOf, secondMs, tenMs } from '../cast.ts';
import { World } from './world.ts';

/** While what a monitor depends on is down, its own alert waits. */

const plain = { frequencyMs: null, graceMs: null };
const said = ({ notices }: World): string[] => notices.map(({ type, name }) => `${type} ${name}`);
const atS = (seconds: number) => tenMs + seconds * secondMs;

/** A router, and two that depend on it; each is due after so many seconds. */
function site(dueS: Record<'router' | 'mail' | 'web', number>): World {
  const world = new World();
  for (const [name, seconds] of Object.entries(dueS)) {
    const dependsOn = name === 'router' ? [] : ['router'];
    world.configure({ frequencyMs: seconds * secondMs, graceMs: 0, dependsOn }, name);
  }
  for (const name of Object.keys(dueS)) world.beat({ ...plain, name });
  return world;
}

t.test('what fails together is said once, in whatever order it falls due', async (t) => {
  for (const [router, mail, web] of [
    [100, 120, 140],
    [120, 100, 140],
    [140, 100, 120],
    [140, 81, 139],
    [100, 100, 100],
  ] as const) {
    const world = site({ router, mail, web });
    world.pass(atS(200));
    t.same(said(world), ['down router'], `${[router, mail, web]}`);
    const incidents = world.incidents.values().map(({ name, startedMs, heldBy }) => `${name} ${startedMs} ${heldBy}`);
    t.same(
      [...incidents].sort(),
      [`mail ${atS(mail)} router`, `router ${atS(router)} `, `web ${atS(web)} router`],
      'the others are noted',
    );
    world.beat({ ...plain, name: 'router' });
    world.pass(atS(210));
    world.beat({ ...plain, name: 'mail' });
    t.same(said(world), ['down router', 'up router'], 'what comes back with it was never said to be down');
    t.equal(world.monitor('mail').status, 'up');

    // From then on the router is heard from, and the web server is not.
    for (let seconds = 220; world.nowMs < atS(210 + web + 20); seconds += 10) {
      world.pass(atS(seconds));
      for (const name of ['router', 'mail']) world.beat({ ...plain, name });
    }
    t.same(said(world), ['down router', 'up router', 'down web'], 'it had its period to come back');
    t.match(world.notices.at(-1), { heldBy: 'router', downSinceMs: atS(web) });
    world.beat({ ...plain, name: 'web' });
    t.equal(said(world).at(-1), 'up web');
  }
});

t.test('an alert waits a minute at most for the verdict on what it depends on', async (t) => {
  const world = site({ router: 130, mail: 100, web: 60 });
  world.pass(atS(59));
  world.beat({ ...plain, name: 'router' });
  world.pass(atS(62));
  t.same(said(world), ['down web'], 'the router was heard from: its next deadline is far');
  const near = site({ router: 119, mail: 100, web: 60 });
  near.pass(atS(118));
  t.same(said(near), [], 'it may be down already');
  near.beat({ ...plain, name: 'router' });
  near.pass(atS(124));
  t.same(said(near), ['down mail', 'down web'].sort(), 'it was not');
  t.match(near.notices, [{ heldBy: '' }, { heldBy: '' }]);
});

t.test('nothing is held for what is not there, is paused, or goes', async (t) => {
  const world = site({ router: 30, mail: 100, web: 100 });
  world.configure({ dependsOn: ['nobody'] }, 'web');
  world.pass(atS(100));
  t.same(said(world), ['down router', 'down web']);
  t.equal(world.monitor('mail').progress.held?.by, 'router');
  world.pause({}, 'router');
  world.pass(atS(100 + 110));
  t.same(
    said(world),
    ['down router', 'down web', 'closed router', 'down mail'],
    'paused: it was given its time, and said',
  );

  const gone = site({ router: 30, mail: 100, web: 100 });
  gone.pass(atS(100));
  t.same(said(gone), ['down router']);
  gone.remove('router');
  gone.pass(atS(100 + 110));
  t.same(said(gone), ['down router', 'closed router', 'down mail', 'down web']);
});

t.test('monitors do not depend on themselves, by way of others either, even within a batch', async (t) => {
  const world = site({ router: 30, mail: 100, web: 100 });
  const configure = (name: string, dependsOn: string[]) => ({
    kind: 'configure' as const,
    receivedMs: world.nowMs,
    configuration: { name, mode: 'upsert' as const, patch: { dependsOn, frequencyMs: minuteMs }, etag: null },
  });
  const refused = { ok: false, refusal: { code: 'invalid_argument', field: 'depends_on' } };
  t.match(world.run([configure('router', ['router'])]), [refused]);
  t.match(world.run([configure('router', ['mail'])]), [refused]);
  t.match(world.run([configure('x', ['y']), configure('y', ['z']), configure('z', ['x'])]), [
    { ok: true },
    { ok: true },
    refused,
  ]);
  t.match(world.run([configure('mail', []), configure('router', ['mail'])]), [{ ok: true }, { ok: true }]);
});

const event = fc.record({
  afterS: fc.integer({ min: 0, max: 60 }),
  what: fc.constantFrom('router ok', 'router ok', 'router fail', 'mail ok', 'mail ok', 'mail fail', 'pause', 'resume'),
});

t.test('an alert is said while what it depends on is down only if that came back, once, and in the end', async (t) => {
  const seen = { held: 0, said: 0, silent: 0 };
  fc.assert(
    fc.property(fc.array(event, { minLength: 10, maxLength: 40, size: 'max' }), fc.boolean(), (events, isRemoved) => {
      let downMs: number | null = null;
      let backMs = 0;
      const world: World = new World({
        onChange: (_, __, { monitor, deliveries }) => {
          if (monitor.name === 'router') {
            if (downMs !== null && monitor.status !== 'down') backMs = world.nowMs;
            downMs = monitor.status === 'down' ? (downMs ?? world.nowMs) : null;
          } else if (downMs !== null && downMs < world.nowMs) {
            for (const { notice } of deliveries) {
              const isDue = backMs >= notice.downSinceMs;
              if (notice.type === 'down' && !isDue) throw new Error('said while it is down');
            }
          }
        },
      });
      world.configure({ frequencyMs: 30_000, graceMs: 0 }, 'router');
      world.configure({ frequencyMs: 20_000, graceMs: 5_000, dependsOn: ['router'] }, 'mail');
      for (const { afterS, what } of events) {
        world.pass(world.nowMs + afterS * secondMs);
        const [name, status] = what.split(' ') as [string, 'ok' | 'fail'];
        if (what === 'pause') world.pause({}, 'router');
        else if (what === 'resume') world.resume('router');
        else world.beat({ ...plain, name, status });
      }
      if (isRemoved) world.remove('router');
      else world.beat({ ...plain, name: 'router', status: 'ok' });
      downMs = null;
      const before = new Map(world.incidents);
      for (let seconds = 0; seconds < 180; seconds += 20) {
        world.pass(world.nowMs + 20_000);
        if (!isRemoved) world.beat({ ...plain, name: 'router' });
      }
      for (const { id, name, endedMs, heldBy } of world.incidents.values()) {
        if (name !== 'mail') continue;
        const about = world.notices.filter(({ incidentId }) => incidentId === id);
        const downs = about.filter(({ type, merged }) => type === 'down' || merged).length;
        if (downs > 1) throw new Error('said twice');
        if (endedMs === null && downs === 0) throw new Error('held for good');
        if (heldBy === '' && downs === 0 && endedMs! > before.get(id)!.startedMs + minuteMs)
          throw new Error('not held');
        if (about[0]?.heldBy && about[0].heldBy !== 'router') throw new Error('held by another');
        if (heldBy !== '') seen.held += 1;
        if (downs === 1) seen.said += 1;
        else seen.silent += 1;
      }
    }),
    { numRuns: 300 },
  );
  t.ok(
    Object.values(seen).every((count) => count > 20),
    JSON.stringify(seen),
  );
});

t.test('after an outage a monitor gets an hour to come back, however long its period', async (t) => {
  const world = new World();
  world.configure({ frequencyMs: 5 * minuteMs, graceMs: 0 }, 'router');
  world.configure({ frequencyMs: 24 * hourMs, graceMs: 0, dependsOn: ['router'] }, 'nightly');
  world.beat({ ...plain, name: 'nightly' });
  world.pass(tenMs + 24 * hourMs - 30_000, hourMs);
  world.beat({ ...plain, name: 'router', status: 'fail' });
  world.pass(tenMs + 24 * hourMs);
  t.match(world.monitor('nightly'), { status: 'down', progress: { held: { by: 'router', why: 'down' } } });
  for (let minutes = 0; minutes <= 61; minutes++) {
    world.pass(tenMs + 24 * hourMs + minutes * minuteMs, minuteMs);
    world.beat({ ...plain, name: 'router' });
  }
  t.equal(said(world).at(-1), 'down nightly', 'an hour at most');
});

t.test('what goes down again and again does not put off an alert for ever', async (t) => {
  const world = new World();
  world.configure({ frequencyMs: hourMs, graceMs: 0 }, 'router');
  world.configure({ frequencyMs: 10 * minuteMs, graceMs: 0, dependsOn: ['router'] }, 'mail');
  world.beat({ ...plain, name: 'mail' });
  world.beat({ ...plain, name: 'router', status: 'fail' });
  world.pass(tenMs + 11 * minuteMs, 5 * secondMs);
  t.match(world.monitor('mail'), { status: 'down', progress: { held: { by: 'router', why: 'down' } } });
  const backMs = world.nowMs;
  const ofMail = () => world.notices.filter(({ name }) => name === 'mail');
  for (let minute = 0; minute <= 10; minute++) {
    t.same(ofMail(), [], `after ${minute} minutes`);
    world.beat({ ...plain, name: 'router', status: minute % 2 === 0 ? 'ok' : 'fail' });
    world.pass(backMs + (minute + 1) * minuteMs, 5 * secondMs);
  }
  t.match(ofMail(), [{ type: 'down', heldBy: 'router' }], 'a period after the first time that it came back');

  // The wait belongs to the incident: the next one has its own.
  world.beat({ ...plain, name: 'mail' });
  world.beat({ ...plain, name: 'router', status: 'fail' });
  world.pass(world.nowMs + 30 * minuteMs, 5 * secondMs);
  t.equal(ofMail().length, 2, 'down and up');
  t.match(world.monitor('mail'), { status: 'down', progress: { held: { why: 'down', sayMs: null } } });
});

t.test('the wait ends while it is down again', async (t) => {
  const world = new World();
  world.configure({ frequencyMs: hourMs, graceMs: 0 }, 'router');
  world.configure({ frequencyMs: 10 * minuteMs, graceMs: 0, dependsOn: ['router'] }, 'mail');
  world.beat({ ...plain, name: 'mail' });
  world.beat({ ...plain, name: 'router', status: 'fail' });
  world.pass(tenMs + 11 * minuteMs, 5 * secondMs);
  world.beat({ ...plain, name: 'router' });
  world.pass(tenMs + 12 * minuteMs, 5 * secondMs);
  world.beat({ ...plain, name: 'router', status: 'fail' });
  world.pass(tenMs + 20 * minuteMs, 5 * secondMs);
  t.not(said(world).at(-1), 'down mail');
  world.pass(tenMs + 22 * minuteMs, 5 * secondMs);
  t.equal(said(world).at(-1), 'down mail');
  t.equal(world.notices.at(-1)!.heldBy, 'router');
});

t.test('a state from before there was an end of the wait is read', async (t) => {
  const incident = incidentOf();
  const held = { by: 'router', why: 'down', untilMs: null } as unknown as HeldAlert;
  const config = { ...plainConfig, dependsOn: ['router'] };
  const child = monitorOf({ status: 'down', incident, config, progress: { ...noProgress, held } });
  const router = monitorOf({ name: 'router', id: 8 });
  t.equal(reviewHeld(child, contextOf({ others: [{ ...router, status: 'down' }] })), null);
  const back = reviewHeld(child, contextOf({ others: [router] }))!.monitor;
  t.match(back.progress.held, { why: 'recovery', untilMs: tenMs + minuteMs, sayMs: tenMs + minuteMs });
  const waiting = {
    ...child,
    progress: { ...noProgress, held: { ...held, why: 'recovery' as const, untilMs: tenMs } },
  };
  t.equal(reviewHeld(waiting, contextOf({ others: [router] }))!.notices.length, 1);
});
