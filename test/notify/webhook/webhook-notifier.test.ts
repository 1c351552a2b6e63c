import { createHmac } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import t, { type Test } from 'tap';
import type { Notice } from '../../../server/engine/domain/notice.ts';
import { alertNotifier } from '../../../server/notify/alert-notifier.ts';
import { webhookPayload } from '../../../server/notify/webhook/webhook-payload.ts';
import { verifySignature } from '../../support/alert-receiver.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { downNotice, listen, notifierContract } from '../notifier-contract.ts';
import { portsForTests } from '../ports-for-tests.ts';

const key = Buffer.from('0123456789abcdef0123456789abcdef');
const secret = `whsec_${key.toString('base64')}`;
const secrets = [
  secret,
  key.toString('base64'),
  'ali%20ce',
  'ali ce',
  'p%40ss',
  'p@ss',
  Buffer.from('ali ce:p@ss').toString('base64'),
  'T0KEN-IN-PATH',
  'T0KEN%20IN%20QUERY',
  'T0KEN IN QUERY',
];

for (const method of ['POST', 'GET'] as const) {
  notifierContract(t, {
    name: method,
    secrets,
    make: ({ origin, clock, timeoutMs }) => {
      const uri = `${origin.replace('//', '//ali%20ce:p%40ss@')}/hook/T0KEN-IN-PATH?key=T0KEN%20IN%20QUERY#part`;
      const ports = { ...portsForTests(clock, { timeoutMs }), signingSecret: secret };
      return alertNotifier({ uri, method, ports });
    },
  });
}

type Received = { method: string; url: string; headers: IncomingHttpHeaders; text: string };

/** Sends a notice to a receiver whose URI is its origin and `rest`; returns what arrived. */
async function deliver(
  t: Test,
  options: { method: 'POST' | 'GET'; notice: Notice; rest?: string; userinfo?: string; clock?: FakeClock; id?: string },
): Promise<Received[]> {
  const { method, notice, rest = '/hook', userinfo = '', clock = new FakeClock(Date.now()), id = 'msg_1' } = options;
  const received: Received[] = [];
  const origin = await listen(t, async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    received.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, text });
    response.end('thanks');
  });
  const uri = `${origin.replace('//', `//${userinfo}`)}${rest}`;
  const ports = { ...portsForTests(clock), signingSecret: secret };
  const notifier = alertNotifier({ uri, method, ports });
  const verdict = await notifier.send(
    { id, notices: [notice], attempt: 1, endedDigests: [] },
    new AbortController().signal,
  );
  t.match(verdict, { kind: 'ok' });
  return received;
}

t.test('POST: signed JSON that is the same on every attempt, with the time of each', async (t) => {
  const clock = new FakeClock(Date.now());
  const notice = downNotice(clock.wallMs(), { name: 'büro/backup "1"', message: 'naïve\n\u{1f514}' });
  const attempts: Received[] = [];
  for (let attempt = 0; attempt < 2; attempt++) {
    attempts.push(...(await deliver(t, { method: 'POST', notice, clock, id: 'msg_7' })));
    await clock.advance(61_000);
  }
  const [first, second] = attempts as [Received, Received];
  t.match(first, { method: 'POST', url: '/hook' });
  t.match(first.headers, { 'content-type': 'application/json', 'user-agent': 'tocsin', 'webhook-id': 'msg_7' });
  t.same(JSON.parse(first.text), webhookPayload(notice));
  t.equal(second.text, first.text);
  t.equal(second.headers['webhook-id'], 'msg_7');
  const times = attempts.map(({ headers }) => Number(headers['webhook-timestamp']));
  t.equal(times[1]! - times[0]!, 61);
  t.not(second.headers['webhook-signature'], first.headers['webhook-signature']);

  for (const { headers, text } of attempts) {
    // By hand, as docs/alerts.md tells receivers.
    const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${text}`;
    t.equal(headers['webhook-signature'], `v1,${createHmac('sha256', key).update(signed).digest('base64')}`);
  }
  verifySignature({ ...first, body: null }, secret);
  t.throws(() => verifySignature({ ...first, body: null, text: first.text.replace('down', 'up') }, secret));
});

t.test('the body, field by field', async (t) => {
  const atMs = Date.UTC(2026, 2, 14, 3, 11, 0, 999);
  const missed = downNotice(atMs, { dueMs: Date.UTC(2026, 2, 14, 3, 10), deadlineMs: Date.UTC(2026, 2, 14, 3, 11) });
  t.same(
    webhookPayload({ ...missed, lastBeatMs: Date.UTC(2026, 2, 14, 3), downSinceMs: Date.UTC(2026, 2, 14, 3, 11) }),
    {
      type: 'monitor.down',
      timestamp: '2026-03-14T03:11:00.999Z',
      text: 'backup is DOWN: no ping since 2026-03-14 03:00:00 UTC, expected by 2026-03-14 03:11:00 UTC.',
      data: {
        name: 'backup',
        status: 'down',
        last_ping: 1_773_457_200,
        due_at: 1_773_457_800,
        deadline: 1_773_457_860,
        frequency: '10m',
        cron: null,
        grace: '1m',
        tags: [],
        severity: 'critical',
        incident_id: 'i-1',
        reason: 'missed',
        down_since: 1_773_457_860,
        recovered_at: null,
        repeat: 0,
        merged: false,
        message: '',
        exit_code: null,
        blind: null,
        held_by: '',
        flaps: 0,
      },
    },
  );
  const cron = { expression: '0 3 * * *', timeZone: 'Europe/Berlin' };
  t.match(webhookPayload({ ...missed, cron, frequencyMs: 0, tags: ['nightly', 'db'], heldBy: 'router' }).data, {
    frequency: '',
    cron: { expression: '0 3 * * *', time_zone: 'Europe/Berlin' },
    tags: ['nightly', 'db'],
    held_by: 'router',
  });
  const failed = downNotice(atMs, {
    reason: 'failed',
    lastBeatMs: null,
    dueMs: null,
    deadlineMs: null,
    message: 'disk full',
    exitCode: 3,
    repeat: 2,
    blind: { fromMs: 1_999, toMs: 5_000 },
  });
  t.match(webhookPayload(failed).data, {
    last_ping: null,
    due_at: null,
    deadline: null,
    message: 'disk full',
    exit_code: 3,
    repeat: 2,
    blind: { from: 1, to: 5 },
  });
  t.match(webhookPayload({ ...missed, type: 'up', recoveredMs: atMs, merged: true }), {
    type: 'monitor.up',
    data: { status: 'up', recovered_at: 1_773_457_860, merged: true },
  });
  t.match(webhookPayload({ ...missed, type: 'test' }), { type: 'monitor.test', data: { status: 'test' } });
});

t.test('GET: name and last ping, encoded, after what the URI already has', async (t) => {
  const atMs = 1_773_457_860_999;
  const lastBeatMs = 1_773_457_200_999;
  const table: [rest: string, name: string, url: string][] = [
    ['/hook', 'backup', '/hook?name=backup&last_ping=1773457200'],
    ['', 'backup', '/?name=backup&last_ping=1773457200'],
    ['/hook?', 'backup', '/hook?name=backup&last_ping=1773457200'],
    ['/hook?a=b', 'backup', '/hook?a=b&name=backup&last_ping=1773457200'],
    ['/hook?a=b&', 'backup', '/hook?a=b&name=backup&last_ping=1773457200'],
    ['/hook?a=%20+b%26&c', 'x', '/hook?a=%20+b%26&c&name=x&last_ping=1773457200'],
    ['/hook#part?x', 'x', '/hook?name=x&last_ping=1773457200'],
    ['/a%2Fb', 'a b&c=d#e?f/g%h+ü', '/a%2Fb?name=a%20b%26c%3Dd%23e%3Ff%2Fg%25h%2B%C3%BC&last_ping=1773457200'],
  ];
  for (const [rest, name, url] of table) {
    const [received] = await deliver(t, { method: 'GET', notice: downNotice(atMs, { name, lastBeatMs }), rest });
    t.match(received, { method: 'GET', url, text: '', headers: { 'webhook-id': 'msg_1' } });
    t.equal(new URL(`http://host${received!.url}`).searchParams.get('name'), name);
  }
  const [never] = await deliver(t, { method: 'GET', notice: downNotice(atMs, { lastBeatMs: null }) });
  t.equal(never!.url, '/hook?name=backup&last_ping=', 'no ping yet: empty');
});

t.test('GET tells of downs, repeats, merged notices and tests, and keeps quiet about a plain recovery', async (t) => {
  const table: [Partial<Notice>, number][] = [
    [{ type: 'down' }, 1],
    [{ type: 'down', repeat: 3 }, 1],
    [{ type: 'up', merged: true, recoveredMs: 2 }, 1],
    [{ type: 'test' }, 1],
    [{ type: 'up', recoveredMs: 2 }, 0],
  ];
  for (const [fields, requests] of table) {
    const received = await deliver(t, { method: 'GET', notice: downNotice(1_000_000_000, fields) });
    t.equal(received.length, requests, JSON.stringify(fields));
  }
});

t.test('credentials in the URI become Basic authorization', async (t) => {
  const table: [userinfo: string, credentials: string | undefined][] = [
    ['', undefined],
    ['user:pass@', 'user:pass'],
    ['user@', 'user:'],
    [':pass@', ':pass'],
    ['a%40b:p%3Aq%25%C3%BC@', 'a@b:p:q%ü'],
    ['50%:100%@', '50%:100%'],
  ];
  for (const [userinfo, credentials] of table) {
    for (const method of ['POST', 'GET'] as const) {
      const [received] = await deliver(t, { method, notice: downNotice(1_000_000_000), userinfo });
      const expected = credentials === undefined ? undefined : `Basic ${Buffer.from(credentials).toString('base64')}`;
      t.equal(received!.headers.authorization, expected, `${method} ${userinfo}`);
    }
  }
});
