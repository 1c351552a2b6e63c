import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import t, { type Test } from 'tap';
import {
  MonitorMatcherSchema,
  RouteSchema,
  RouteStepSchema,
  SilenceSchema,
} from '../../../gen/ts/tocsin/v1/alert_pb.ts';
import { keptRoute } from '../../../server/alerting/stored-rules.ts';
import { readRoute, routeMessage } from '../../../server/service/alerts/route-message.ts';
import { readSilence, silenceMessage } from '../../../server/service/alerts/silence-message.ts';
import { fieldOf } from '../../../server/service/call-error.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const nowMs = Date.UTC(2026, 4, 1, 12);
const channels = new Set(['ops', 'boss']);

const readOf = (fields: MessageInitShape<typeof RouteSchema>) => {
  const message = create(RouteSchema, fields);
  if (message.name === '') message.name = 'r';
  if (message.steps.length === 0) message.steps = [create(RouteStepSchema, { channels: ['ops'] })];
  return readRoute(message, { channels, prefix: 'route.' });
};

const silenceOf = (fields: MessageInitShape<typeof SilenceSchema>) => {
  const message = create(SilenceSchema, fields);
  message.match ??= create(MonitorMatcherSchema, { tags: ['x'] });
  return readSilence(message, { nowMs, prefix: 'silence.' });
};

function refused(t: Test, read: ReturnType<typeof readOf | typeof silenceOf>, message: string): void {
  if (read.ok) {
    t.fail(`it was read, instead of: ${message}`);
    return;
  }
  t.equal(read.error.rawMessage, message);
  t.equal(fieldOf(read.error), message.slice(0, message.indexOf(': ')));
}

t.test('a route is read, and shown as it was given', (t) => {
  const whole: MessageInitShape<typeof RouteSchema> = {
    name: 'r',
    description: 'who is on call',
    match: { tags: ['x'], namePattern: 'db-\\*?', severities: ['critical', 'info'] },
    steps: [
      { after: '0s', channels: ['ops'] },
      { after: '90s', channels: ['boss', 'ops'] },
      { after: '31D', channels: ['boss'] },
    ],
    reminder: '1h',
    noRecovery: true,
  };
  const read = readOf(whole);
  t.match(read, {
    ok: true,
    content: {
      match: { tags: ['x'], namePattern: 'db-\\*?', severities: ['critical', 'info'] },
      steps: [
        { afterMs: 0, channels: ['ops'] },
        { afterMs: 90_000, channels: ['boss', 'ops'] },
        { afterMs: 31 * dayMs, channels: ['boss'] },
      ],
      reminderMs: hourMs,
      recovery: false,
    },
  });
  if (read.ok) t.match(routeMessage(keptRoute(read.content, { createdMs: 1_000, updatedMs: 2_000 })), whole);
  t.match(readOf({}), {
    content: {
      match: { tags: [], namePattern: '', severities: [] },
      steps: [{ afterMs: 0 }],
      reminderMs: 'default',
      recovery: true,
    },
  });
  t.match(readOf({ reminder: 'off' }), { content: { reminderMs: null } });
  for (const reminder of ['', 'off', '1m', '31D']) {
    const again = readOf({ reminder });
    if (again.ok) t.equal(routeMessage(keptRoute(again.content, { createdMs: 0, updatedMs: 0 })).reminder, reminder);
  }
  t.end();
});

t.test('what is wrong with a route', (t) => {
  const form = 'a whole number and one of W, D, h, m, s, such as 10m';
  refused(t, readOf({ name: '..' }), 'route.name: must hold more than dots; got ".."');
  refused(
    t,
    readOf({ description: 'a\ud800' }),
    'route.description: must be valid Unicode: it holds half of a surrogate pair; got "a\\ud800"',
  );
  refused(
    t,
    readOf({ match: { tags: ['x', 'a,b'] } }),
    'route.match.tags[1]: must be 1 to 64 bytes, without commas and control characters; got "a,b"',
  );
  refused(
    t,
    readOf({ match: { namePattern: 'a\\' } }),
    'route.match.name_pattern: must not end with a single backslash: it takes the next character as it is; got "a\\\\"',
  );
  refused(
    t,
    readOf({ steps: [{ channels: ['ops'] }, { after: '5m', channels: ['boss', 'nobody'] }] }),
    'route.steps[1].channels[1]: must be names of channels that exist: ops, boss; got "nobody"',
  );
  refused(
    t,
    readOf({ steps: [{ after: '5M', channels: ['ops'] }] }),
    `route.steps[0].after: must be ${form}, from 0s to 31D; got "5M"`,
  );
  refused(
    t,
    readOf({ steps: [{ after: '32D', channels: ['ops'] }] }),
    'route.steps[0].after: must be from 0s to 31D; got "32D"',
  );
  refused(
    t,
    readOf({
      steps: [
        { after: '5m', channels: ['ops'] },
        { after: '300s', channels: ['boss'] },
      ],
    }),
    'route.steps[1].after: must be later than that of the step before, which is 5m; got "300s"',
  );
  refused(
    t,
    readOf({ steps: [{ channels: ['ops'] }, { channels: ['boss'] }] }),
    'route.steps[1].after: must be later than that of the step before, which is 0s',
  );
  refused(t, readOf({ reminder: '59s' }), 'route.reminder: must be off, or from 1m to 31D; got "59s"');
  refused(t, readOf({ reminder: 'never' }), `route.reminder: must be off, or ${form}, from 1m to 31D; got "never"`);
  t.end();
});

t.test('a silence is read, and shown', (t) => {
  const until = timestampFromMs(nowMs + hourMs);
  const read = silenceOf({ until, comment: 'move', createdBy: 'ann' });
  t.match(read, { ok: true, content: { fromMs: nowMs, untilMs: nowMs + hourMs, comment: 'move', createdBy: 'ann' } });
  if (read.ok) {
    t.match(silenceMessage({ id: 's', ...read.content, createdMs: nowMs }), {
      id: 's',
      match: { tags: ['x'], namePattern: '', severities: [] },
      start: { seconds: BigInt(nowMs / 1000) },
      until: { seconds: until.seconds },
      comment: 'move',
      createdBy: 'ann',
      createdAt: { seconds: BigInt(nowMs / 1000) },
    });
  }
  const start = timestampFromMs(nowMs + dayMs);
  t.match(silenceOf({ start, duration: '2h' }), {
    content: { fromMs: nowMs + dayMs, untilMs: nowMs + dayMs + 2 * hourMs },
  });
  const past = timestampFromMs(nowMs - hourMs);
  t.match(silenceOf({ start: past, duration: '61m' }), { content: { fromMs: nowMs - hourMs } });
  t.match(silenceOf({ match: { namePattern: '*' }, duration: '366D' }), { ok: true });
  t.match(silenceOf({ match: { severities: ['info'] }, duration: '1m' }), { ok: true });
  t.end();
});

t.test('what is wrong with a silence', (t) => {
  const nothing = 'silence.match: must say tags, a name_pattern or severities; to silence all, say the name_pattern *';
  refused(t, silenceOf({ match: {}, duration: '1h' }), nothing);
  refused(t, readSilence(create(SilenceSchema, { duration: '1h' }), { nowMs, prefix: 'silence.' }), nothing);
  refused(
    t,
    silenceOf({ match: { namePattern: '\\' }, duration: '1h' }),
    'silence.match.name_pattern: must not end with a single backslash: it takes the next character as it is; got "\\\\"',
  );
  refused(t, silenceOf({}), 'silence.until: must be given, or a duration');
  const until = (ms: number) => timestampFromMs(nowMs + ms);
  refused(
    t,
    silenceOf({ until: until(hourMs), duration: '1h' }),
    'silence.duration: must not be given with until; got "1h"',
  );
  const range = 'silence.until: must be in the future, after the start and at most 366D after it';
  refused(t, silenceOf({ until: until(0) }), `${range}; got "2026-05-01T12:00:00.000Z"`);
  refused(t, silenceOf({ start: until(2 * hourMs), until: until(hourMs) }), `${range}; got "2026-05-01T13:00:00.000Z"`);
  refused(t, silenceOf({ until: until(367 * dayMs) }), `${range}; got "2027-05-03T12:00:00.000Z"`);
  const times = 'must be from 1970-01-01T00:00:00Z to 9999-12-31T23:59:59Z';
  refused(t, silenceOf({ until: { seconds: -1n } }), `silence.until: ${times}`);
  refused(t, silenceOf({ start: { seconds: 1n << 60n }, duration: '1h' }), `silence.start: ${times}`);
  refused(
    t,
    silenceOf({ start: until(367 * dayMs), duration: '1h' }),
    'silence.start: must be at most 366D ahead; got "2027-05-03T12:00:00.000Z"',
  );
  refused(t, silenceOf({ duration: '59s' }), 'silence.duration: must be from 1m to 366D; got "59s"');
  refused(
    t,
    silenceOf({ start: until(-hourMs), duration: '1h' }),
    'silence.duration: must reach into the future from the start, which is 2026-05-01T11:00:00.000Z; got "1h"',
  );
  refused(
    t,
    silenceOf({ duration: '1h', createdBy: '\udc00' }),
    'silence.created_by: must be valid Unicode: it holds half of a surrogate pair; got "\\udc00"',
  );
  t.end();
});
