import t from 'tap';
import type { AlertRules, Route } from '../../../server/engine/domain/alerting/alert-rules.ts';
import { planFor } from '../../../server/engine/domain/alerting/plan.ts';
import type { Notice } from '../../../server/engine/domain/notice.ts';
import { alertRules } from '../../support/alert-rules.ts';
import { hourMs, minuteMs, tenMs } from '../cast.ts';
import { World } from './world.ts';

const everything = { tags: [], namePattern: '', severities: [] };
const atS = (seconds: number): number => tenMs + seconds * 1_000;
const names = ['default', 'chat', 'mail', 'pager'];

function routeOf(fields: Partial<Route> = {}): Route {
  const steps = [{ afterMs: 0, channels: ['chat'] }];
  return { name: 'r', match: everything, steps, reminderMs: null, recovery: true, ...fields };
}

/** A world with these rules; `set` replaces them. */
function worldOf(fields: Partial<AlertRules> = {}): World {
  return new World({ rules: alertRules(fields, names) });
}

/** Of "backup": channel, what, and the second it was made at, since 10:00:00. */
function told(world: World): string[] {
  return world.deliveries.map(
    ({ channel, notice }) => `${channel}: ${what(notice)} at ${(notice.atMs - tenMs) / 1000}`,
  );
}

function what({ type, merged, repeat, flaps, message }: Notice): string {
  const more = [merged ? 'merged' : '', repeat > 0 ? `reminder ${repeat}` : '', flaps > 0 ? `flaps ${flaps}` : ''];
  return [type, ...more, type === 'closed' ? message : ''].filter((word) => word !== '').join(' ');
}

/** A monitor that failed at 10:00:00. */
function failed(fields: Partial<AlertRules> = {}): World {
  const world = worldOf(fields);
  world.beat({ frequencyMs: hourMs, status: 'fail', message: 'disk full' });
  return world;
}

t.test('who is told: the channels of the monitor, those of its routes, else the default', async (t) => {
  const rules = alertRules(
    {
      routes: [
        routeOf({ name: 'a', match: { ...everything, tags: ['db'] }, reminderMs: 2 * hourMs }),
        routeOf({
          name: 'b',
          match: { ...everything, namePattern: 'db/*' },
          steps: [
            { afterMs: minuteMs, channels: ['mail', 'chat', 'gone'] },
            { afterMs: hourMs, channels: ['pager'] },
          ],
          reminderMs: hourMs,
          recovery: false,
        }),
        routeOf({ name: 'c', match: { ...everything, severities: ['info'] }, reminderMs: 'default' }),
      ],
      reminderMs: 5 * minuteMs,
    },
    names,
  );
  const plan = (fields: object) => {
    const subject = { name: 'x', tags: [], severity: 'critical' as const, channels: [], ...fields };
    return planFor(subject, rules).map(
      ({ channel, afterMs, reminderMs, recovery }) => `${channel} ${afterMs} ${reminderMs} ${recovery}`,
    );
  };
  t.same(plan({}), ['default 0 300000 true']);
  t.same(plan({ channels: ['mail'] }), ['mail 0 300000 true'], 'those that it names, and no others');
  t.same(plan({ channels: ['gone'] }), ['default 0 300000 true'], 'one that is gone is nobody');
  t.same(plan({ tags: ['db'] }), ['chat 0 7200000 true']);
  t.same(plan({ name: 'db/x' }), [
    'mail 60000 3600000 false',
    'chat 60000 3600000 false',
    'pager 3600000 3600000 false',
  ]);
  t.same(
    plan({ name: 'db/x', tags: ['db'] }),
    ['chat 0 3600000 true', 'mail 60000 3600000 false', 'pager 3600000 3600000 false'],
    'named twice: the earliest step, the shortest reminder',
  );
  t.same(plan({ severity: 'info' }), ['chat 0 300000 true']);
});

t.test('steps: each is told when it is still down then; the recovery goes to those who were told', async (t) => {
  const routes = [
    routeOf({
      steps: [
        { afterMs: 0, channels: ['chat'] },
        { afterMs: 5 * minuteMs, channels: ['mail'] },
        { afterMs: 15 * minuteMs, channels: ['pager'] },
      ],
    }),
  ];
  const world = failed({ routes });
  world.pass(atS(600), 10_000);
  world.beat({ frequencyMs: hourMs });
  t.same(told(world), ['chat: down at 0', 'mail: down at 300', 'chat: up at 600', 'mail: up at 600']);
  world.pass(atS(3_000), 10_000);
  t.equal(told(world).length, 4, 'the pager never hears of it');
  t.equal(world.monitor().progress.alert, null);
});

t.test('only if still down after: what recovers before its first step is told nobody', async (t) => {
  const routes = [routeOf({ steps: [{ afterMs: 5 * minuteMs, channels: ['chat'] }] })];
  const world = failed({ routes });
  world.pass(atS(299));
  world.beat({ frequencyMs: hourMs });
  world.pass(atS(900), 10_000);
  t.same(told(world), []);
  world.beat({ frequencyMs: hourMs, status: 'fail' });
  world.pass(atS(1_200));
  t.same(told(world), ['chat: down at 1200'], 'not a second earlier');
});

t.test('reminders on every channel that was told, from when it was told', async (t) => {
  const routes = [
    routeOf({
      steps: [
        { afterMs: 0, channels: ['chat'] },
        { afterMs: 5 * minuteMs, channels: ['mail'] },
      ],
      reminderMs: 10 * minuteMs,
    }),
  ];
  const world = failed({ routes });
  world.pass(atS(1_500), 1_000);
  t.same(told(world), [
    'chat: down at 0',
    'mail: down at 300',
    'chat: down reminder 1 at 600',
    'mail: down reminder 1 at 900',
    'chat: down reminder 2 at 1200',
    'mail: down reminder 2 at 1500',
  ]);
});

t.test('routes that do not tell recoveries; a monitor that is told twice is told once', async (t) => {
  const world = failed({ routes: [routeOf({ recovery: false }), routeOf({ name: 'again', recovery: false })] });
  world.nowMs += 1_000;
  world.beat({ frequencyMs: hourMs });
  t.same(told(world), ['chat: down at 0']);
  // A receiver that keeps what is open would have it open until it forgets.
  const kept = failed({
    routes: [routeOf({ recovery: false })],
    channels: new Map([['chat', { refreshMs: hourMs, keepsOpen: true }]]),
  });
  kept.nowMs += 1_000;
  kept.beat({ frequencyMs: hourMs });
  t.same(told(kept), ['chat: down at 0', 'chat: up at 1']);
});

t.test('a silence: nothing is told until its end; what is still down then, is', async (t) => {
  const silences = [{ id: 's', match: everything, fromMs: tenMs - 1, untilMs: atS(600) }];
  const world = failed({ silences, reminderMs: 5 * minuteMs });
  world.pass(atS(599));
  t.same(told(world), []);
  world.pass(atS(901));
  t.same(told(world), ['default: down at 600', 'default: down reminder 1 at 900']);

  const back = failed({ silences });
  back.pass(atS(300));
  back.beat({ frequencyMs: hourMs });
  back.pass(atS(900));
  t.same(told(back), [], 'neither the down nor the recovery');

  const later = failed({ silences: [{ ...silences[0]!, fromMs: atS(60) }], reminderMs: minuteMs * 2 });
  later.pass(atS(300));
  later.beat({ frequencyMs: hourMs });
  t.same(told(later), ['default: down at 0', 'default: up at 300'], 'the recovery of what was told is told');

  const other = failed({ silences: [{ ...silences[0]!, match: { ...everything, tags: ['web'] } }] });
  t.same(told(other), ['default: down at 0']);
});

t.test('rules that change decide what comes next', async (t) => {
  const silence = { id: 's', match: everything, fromMs: tenMs - 1, untilMs: atS(6_000) };
  const world = failed({ silences: [silence] });
  world.pass(atS(60));
  world.rules = alertRules({}, names);
  world.look();
  t.same(told(world), ['default: down at 60'], 'the silence was taken back');
  world.rules = alertRules({ routes: [routeOf({ reminderMs: minuteMs })] }, names);
  world.look();
  t.same(told(world).slice(1), ['chat: down at 60'], 'a route that tells somebody else as well');
  world.pass(atS(120));
  world.beat({ frequencyMs: hourMs });
  t.same(told(world).slice(2), ['chat: down reminder 1 at 120', 'default: up at 120', 'chat: up at 120']);
});

t.test('an acknowledgement stops reminders and escalation, until it is taken back; the recovery is told', async (t) => {
  const routes = [
    routeOf({
      steps: [
        { afterMs: 0, channels: ['chat'] },
        { afterMs: 5 * minuteMs, channels: ['pager'] },
      ],
      reminderMs: 2 * minuteMs,
    }),
  ];
  const world = failed({ routes });
  world.pass(atS(130));
  const ack = (by: { by: string; note: string } | null, incidentId: string | null = null) =>
    world.run([{ kind: 'acknowledge', name: 'backup', incidentId, by, receivedMs: world.nowMs }])[0]!;
  const me = { by: 'me', note: 'on it' };
  t.match(ack(me, 'another'), { ok: false, refusal: { code: 'not_found', field: 'incident_id' } });
  t.match(ack(me, world.monitor().incident!.id), { ok: true, accepted: 'applied' });
  t.match(world.monitor().progress.alert?.open?.ack, { ...me, atMs: atS(130) });
  world.pass(atS(1_030), 10_000);
  t.same(told(world), ['chat: down at 0', 'chat: down reminder 1 at 120']);
  t.match(ack(null), { ok: true });
  world.pass(atS(1_030 + 170), 1_000);
  t.same(told(world).slice(2), ['chat: down reminder 2 at 1140', 'pager: down at 1200'], 'as if it had taken no time');
  ack(me);
  world.beat({ frequencyMs: hourMs });
  t.same(told(world).slice(4), ['chat: up at 1200', 'pager: up at 1200']);
  t.match(ack(me), { ok: false, refusal: { code: 'not_found', field: 'name', message: /is not open/ } });
});

t.test('a monitor that is paused or removed while it is down closes its alert', async (t) => {
  const paused = failed({ routes: [routeOf()] });
  paused.pause();
  t.same(told(paused), ['chat: down at 0', 'chat: closed it was paused at 0']);
  const removed = failed();
  removed.remove();
  t.same(told(removed), ['default: down at 0', 'default: closed it was removed at 0']);
  const untold = failed({ routes: [routeOf({ steps: [{ afterMs: minuteMs, channels: ['chat'] }] })] });
  untold.remove();
  t.same(told(untold), [], 'nobody knew of it');
});

t.test('flapping is told once, and what it comes to', async (t) => {
  const world = worldOf({ flapDowns: 3, reminderMs: 5 * minuteMs });
  for (let n = 0; n < 5; n++) {
    world.beat({ frequencyMs: hourMs, status: 'fail' });
    world.pass(world.nowMs + minuteMs);
    world.beat({ frequencyMs: hourMs });
    world.pass(world.nowMs + minuteMs);
  }
  t.same(told(world), [
    'default: down at 0',
    'default: up at 60',
    'default: down at 120',
    'default: up at 180',
    'default: flapping flaps 3 at 240',
  ]);
  const flappingAs = world.deliveries.at(-1)!.notice.incidentId;
  const steadyAtS = 540 + 15 * 60;
  world.pass(atS(steadyAtS - 1));
  t.equal(told(world).length, 5);
  world.pass(atS(steadyAtS));
  t.same(told(world).slice(5), [`default: up flaps 5 at ${steadyAtS}`]);
  t.equal(world.deliveries.at(-1)!.notice.incidentId, flappingAs, 'receivers close what they opened');
  t.equal(world.monitor().progress.alert, null);

  world.beat({ frequencyMs: hourMs, status: 'fail' });
  t.same(told(world).slice(6), [`default: down at ${steadyAtS}`], 'it counts anew');
});

t.test('flapping that ends in a down is told as one, and goes on as one', async (t) => {
  const world = worldOf({ flapDowns: 3, reminderMs: 10 * minuteMs });
  for (let n = 0; n < 3; n++) {
    world.beat({ frequencyMs: 10 * hourMs });
    world.pass(world.nowMs + minuteMs);
    world.beat({ frequencyMs: 10 * hourMs, status: 'fail' });
    world.pass(world.nowMs + minuteMs);
  }
  const flappingAtS = 300;
  t.equal(told(world).at(-1), `default: flapping flaps 3 at ${flappingAtS}`);
  world.pass(atS(flappingAtS + 25 * 60));
  t.same(told(world).slice(-2), ['default: down flaps 3 at 1200', 'default: down reminder 1 at 1800']);
  world.beat({ frequencyMs: hourMs });
  t.equal(told(world).at(-1), 'default: up at 1800');
  t.same(
    world.deliveries.slice(-4).map(({ notice }) => notice.incidentId),
    Array(4).fill(world.deliveries.at(-1)!.notice.incidentId),
  );
});

t.test('downs that are an hour apart do not flap, and are forgotten', async (t) => {
  const world = worldOf({ flapDowns: 3 });
  for (let n = 0; n < 6; n++) {
    world.beat({ frequencyMs: hourMs, status: 'fail' });
    world.pass(world.nowMs + 40 * minuteMs, minuteMs);
    world.beat({ frequencyMs: 10 * hourMs });
  }
  t.notOk(told(world).some((line) => line.includes('flapping')));
  world.pass(world.nowMs + 2 * hourMs, minuteMs);
  world.beat({ frequencyMs: hourMs });
  t.equal(world.monitor().progress.alert, null, 'the next ping after an hour is a plain one again');
});

t.test('a channel that is refreshed is told again whatever holds, once it was told', async (t) => {
  const channels = new Map([['default', { refreshMs: 5 * minuteMs, keepsOpen: true }]]);
  const silences = [{ id: 's', match: everything, fromMs: atS(1), untilMs: atS(6_000) }];
  const world = failed({ channels, silences });
  world.pass(atS(10));
  world.run([{ kind: 'acknowledge', name: 'backup', incidentId: null, by: { by: '', note: '' }, receivedMs: atS(10) }]);
  world.pass(atS(650));
  t.same(told(world), ['default: down at 0', 'default: down reminder 1 at 300', 'default: down reminder 2 at 600']);
});

/** Flaps from `world.nowMs` on: three times down, a minute each, and up between; down at the end. */
function flap(world: World): void {
  for (let n = 0; n < 3; n++) {
    world.beat({ frequencyMs: 10 * hourMs });
    world.pass(world.nowMs + minuteMs);
    world.beat({ frequencyMs: 10 * hourMs, status: 'fail' });
    world.pass(world.nowMs + minuteMs);
  }
}

t.test('what a notice of flapping opened is closed, whatever happens meanwhile', async (t) => {
  const silence = { id: 's', match: everything, fromMs: tenMs, untilMs: atS(40_000) };
  const stories: [string, (world: World) => unknown][] = [
    ['acknowledged', (world) => void world.run([ackBy(world)])],
    ['silenced', (world) => Object.assign(world, { rules: alertRules({ flapDowns: 3, silences: [silence] }, names) })],
    [
      'another route',
      (world) => Object.assign(world, { rules: alertRules({ flapDowns: 3, routes: [routeOf()] }, names) }),
    ],
    ['paused', (world) => void world.pause()],
    ['removed', (world) => void world.remove()],
  ];
  for (const [what, happens] of stories) {
    const world = worldOf({ flapDowns: 3 });
    flap(world);
    t.match(told(world).at(-1), /^default: flapping/);
    happens(world);
    if (world.monitors.size > 0 && world.monitor().status === 'down') {
      world.pass(world.nowMs + hourMs, 10_000);
      world.beat({ frequencyMs: 10 * hourMs });
    }
    const last = world.deliveries.findLast(({ channel }) => channel === 'default')!;
    t.match(last.notice.type, /^(up|closed)$/, what);
    const opened = world.deliveries.findLast(({ notice }) => notice.type === 'flapping')!;
    t.equal(
      last.notice.incidentId,
      world.deliveries.find(({ notice }) => notice.type === 'flapping')!.notice.incidentId,
    );
    t.ok(opened);
  }
});

const ackBy = (world: World) =>
  ({
    kind: 'acknowledge',
    name: 'backup',
    incidentId: null,
    by: { by: 'me', note: '' },
    receivedMs: world.nowMs,
  }) as const;

t.test('a monitor that flaps on is told of to those who come later: steps, and the end of a silence', async (t) => {
  const later = worldOf({
    flapDowns: 3,
    routes: [routeOf({ steps: [{ afterMs: 5 * minuteMs, channels: ['chat'] }] })],
  });
  for (let n = 0; n < 4; n++) flap(later);
  t.match(told(later), [/^chat: flapping/], 'once');
  const silence = { id: 's', match: everything, fromMs: tenMs, untilMs: atS(600) };
  const silenced = worldOf({ flapDowns: 3, silences: [silence] });
  for (let n = 0; n < 4; n++) flap(silenced);
  t.match(told(silenced), [/^default: flapping flaps \d+ at 600$/]);
});

t.test('a beat that names other channels for a monitor that is down tells them', async (t) => {
  const world = failed();
  world.nowMs += 1_000;
  const named = { cron: null, tags: null, channels: ['pager'] };
  world.beat({ frequencyMs: hourMs, status: 'fail', named });
  t.same(told(world), ['default: down at 0', 'pager: down at 1']);
});

t.test('a channel that is removed and made again was never told', async (t) => {
  const routes = [routeOf()];
  const world = failed({ routes });
  world.rules = alertRules({ routes }, ['default']);
  world.look();
  world.rules = alertRules({ routes }, names);
  world.pass(atS(60));
  world.beat({ frequencyMs: hourMs });
  t.same(told(world), [
    'chat: down at 0',
    'default: down at 0',
    'chat: down at 1',
    'default: up at 60',
    'chat: up at 60',
  ]);
});

t.test('a clock that is set back puts nothing off', async (t) => {
  const routes = [routeOf({ steps: [{ afterMs: 10 * minuteMs, channels: ['chat'] }], reminderMs: hourMs })];
  const world = failed({ routes });
  world.nowMs -= 6 * hourMs;
  world.look();
  world.pass(world.nowMs + 11 * minuteMs);
  t.equal(told(world).length, 1);
  world.nowMs -= 6 * hourMs;
  world.look();
  world.pass(world.nowMs + hourMs + minuteMs, 10_000);
  t.equal(told(world).length, 2, 'and its reminder');
});

t.test('taking back an acknowledgement does not put off what was told meanwhile', async (t) => {
  const channels = new Map([['default', { refreshMs: 5 * minuteMs, keepsOpen: true }]]);
  const world = failed({ channels });
  world.run([ackBy(world)]);
  world.pass(atS(3_600), 10_000);
  const before = told(world).length;
  world.run([{ ...ackBy(world), by: null }]);
  world.pass(atS(3_600 + 301), 1_000);
  t.equal(told(world).length, before + 1);
});
