import t, { type Test } from 'tap';
import type { Notice } from '../../../server/engine/domain/notice.ts';
import type { AlertmanagerAlert } from '../../../server/notify/alertmanager/alertmanager-alert.ts';
import { alertmanagerKind } from '../../../server/notify/alertmanager/alertmanager-kind.ts';
import { AlertmanagerNotifier } from '../../../server/notify/alertmanager/alertmanager-notifier.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { downNotice, listen, notifierContract } from '../notifier-contract.ts';
import { portsForTests } from '../ports-for-tests.ts';

notifierContract(t, {
  name: 'alertmanager',
  secrets: ['ali%20ce', 'ali ce', 'p%40ss', 'p@ss', Buffer.from('ali ce:p@ss').toString('base64'), 'T0KEN-IN-PATH'],
  make: ({ origin, clock, timeoutMs }) => {
    const urls = [`${origin.replace('//', '//ali%20ce:p%40ss@')}/T0KEN-IN-PATH/`];
    return new AlertmanagerNotifier({ urls, labels: {}, ports: portsForTests(clock), timeoutMs });
  },
});

type Request = { url: string; authorization: string | undefined; alerts: AlertmanagerAlert[] };

/** A receiver that answers each request with the next status of `statuses`, then with 200. */
async function receiver(t: Test, statuses: number[] = []): Promise<{ origin: string; requests: Request[] }> {
  const requests: Request[] = [];
  const origin = await listen(t, async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    requests.push({
      url: request.url ?? '',
      authorization: request.headers.authorization,
      alerts: JSON.parse(text) as AlertmanagerAlert[],
    });
    response.writeHead(statuses.shift() ?? 200, { 'retry-after': '7' }).end();
  });
  return { origin, requests };
}

function notifierOf(urls: string[], { clock, labels = {} }: { clock: FakeClock; labels?: Record<string, string> }) {
  const notifier = new AlertmanagerNotifier({ urls, labels, ports: portsForTests(clock) });
  return (...notices: [Notice, ...Notice[]]) =>
    notifier.send({ id: 'msg_1', notices, attempt: 1, endedDigests: [] }, new AbortController().signal);
}

function upNotice(down: Notice, recoveredMs: number, fields: Partial<Notice> = {}): Notice {
  return { ...down, type: 'up', atMs: recoveredMs, recoveredMs, ...fields };
}

t.test('a monitor is one alert from down to up, with the labels of the channel', async (t) => {
  const clock = new FakeClock(1_800_000_000_000);
  const { origin, requests } = await receiver(t);
  const send = notifierOf([`${origin.replace('//', '//alice:secret@')}/am/`], { clock, labels: { team: 'ops' } });
  const down = downNotice(clock.wallMs(), { name: 'büro/"1"', tags: ['prod', 'db'], severity: 'error' });
  t.match(await send(down), { kind: 'ok', detail: 'HTTP 200', httpStatus: 200 });
  await clock.advance(300_000);
  await send({ ...down, atMs: clock.wallMs(), repeat: 1 });
  await clock.advance(60_000);
  await send(upNotice(down, clock.wallMs()));

  const [first, refresh, recovery] = requests.map(({ alerts }) => alerts[0]!);
  t.match(requests[0], { url: '/am/api/v2/alerts', authorization: `Basic ${btoa('alice:secret')}` });
  t.same(first!.labels, {
    alertname: 'TocsinMonitorDown',
    monitor: 'büro/"1"',
    severity: 'error',
    tags: ',db,prod,',
    team: 'ops',
  });
  t.match(first!.annotations, { summary: 'büro/"1" is DOWN', description: /no ping since/, incident_id: 'i-1' });
  t.equal(first!.startsAt, new Date(down.downSinceMs).toISOString());
  t.equal(Date.parse(first!.endsAt), 1_800_000_000_000 + 86_400_000, 'open for a day');
  t.same(refresh!.labels, first!.labels);
  t.same(refresh!.annotations, first!.annotations, 'a refresh changes nothing that people see');
  t.equal(Date.parse(refresh!.endsAt) - Date.parse(first!.endsAt), 300_000);
  t.same(recovery!.labels, first!.labels);
  t.equal(recovery!.startsAt, first!.startsAt);
  t.ok(Date.parse(recovery!.endsAt) <= clock.wallMs(), 'over');
});

t.test('flapping is open, closed is over, a test ends by itself', async (t) => {
  const clock = new FakeClock(1_800_000_000_000);
  const { origin, requests } = await receiver(t);
  const send = notifierOf([origin], { clock });
  const down = downNotice(clock.wallMs());
  await send({ ...down, type: 'flapping', flaps: 5 });
  await send({ ...down, type: 'closed', message: 'it was paused' });
  await send({ ...down, type: 'test' });
  const [flapping, closed, test] = requests.map(({ alerts }) => alerts[0]!);
  t.ok(Date.parse(flapping!.endsAt) > clock.wallMs());
  t.same(closed!.labels, flapping!.labels);
  t.ok(Date.parse(closed!.endsAt) <= clock.wallMs());
  t.ok(Date.parse(closed!.endsAt) >= Date.parse(closed!.startsAt), 'or Alertmanager refuses it');
  t.equal(test!.labels.alertname, 'TocsinTest');
  t.equal(Date.parse(test!.endsAt), clock.wallMs() + 60_000);
});

t.test('labels that change while it is down: the alert with the old ones is resolved', async (t) => {
  const clock = new FakeClock(1_800_000_000_000);
  const { origin, requests } = await receiver(t);
  const send = notifierOf([origin], { clock });
  const down = downNotice(clock.wallMs(), { tags: ['db'] });
  await send(down);
  await send(upNotice(down, clock.wallMs() + 5, { tags: ['db', 'new'] }));
  const ended = requests[1]!.alerts;
  t.same(
    ended.map(({ labels }) => labels.tags),
    [',db,', ',db,new,'],
  );
  for (const { endsAt } of ended) t.ok(Date.parse(endsAt) <= clock.wallMs());
});

t.test('a digest is an alert for each monitor: of its last notice', async (t) => {
  const clock = new FakeClock(1_800_000_000_000);
  const { origin, requests } = await receiver(t);
  const send = notifierOf([origin], { clock });
  const downs = Array.from({ length: 10_000 }, (_, index) =>
    downNotice(clock.wallMs(), { name: `job-${index}`, incidentId: `i-${index}` }),
  );
  const [first, ...others] = downs as [Notice, ...Notice[]];
  t.match(await send(first, ...others, upNotice(first, clock.wallMs())), { kind: 'ok' });
  const alerts = requests.flatMap((request) => request.alerts);
  t.equal(new Set(alerts.map(({ labels }) => labels.monitor)).size, 10_000);
  t.equal(alerts.length, 10_000);
  t.equal(alerts.filter(({ endsAt }) => Date.parse(endsAt) <= clock.wallMs()).length, 1, 'the one that is up again');
});

t.test('a digest that takes too long ends: the next attempt goes on', async (t) => {
  const clock = new FakeClock(1_800_000_000_000);
  const posted: string[] = [];
  const origin = await listen(t, async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    posted.push(...(JSON.parse(text) as AlertmanagerAlert[]).map(({ labels }) => labels.monitor!));
    setTimeout(() => response.end(), 100);
  });
  const notifier = new AlertmanagerNotifier({
    urls: [origin, 'http://tocsin.invalid'],
    labels: {},
    ports: portsForTests(clock),
    timeoutMs: 500,
  });
  const notices = Array.from({ length: 10_000 }, (_, index) => downNotice(clock.wallMs(), { name: `job-${index}` }));
  const send = (id: string, attempt: number) =>
    notifier.send(
      { id, notices: notices as [Notice, ...Notice[]], attempt, endedDigests: [] },
      new AbortController().signal,
    );
  t.match(await send('msg_1', 1), { kind: 'retryable', detail: /^none of 2 instances took it; \d+ of 10000 alerts/ });
  t.ok(posted.length < 10_000);
  let verdict = await send('msg_1', 2);
  for (let attempt = 3; verdict.kind !== 'ok' && attempt < 50; attempt++) verdict = await send('msg_1', attempt);
  t.equal(verdict.kind, 'ok');
  t.same(
    [...new Set(posted)],
    notices.map(({ name }) => name),
    'all of it, in order',
  );

  posted.length = 0;
  await send('msg_2', 1);
  await clock.advance(24 * 3_600_000);
  await send('msg_2', 2);
  t.ok(posted.filter((name) => name === 'job-0').length >= 2, 'what was taken a day ago is over by now');
});

t.test('every instance of a cluster is told; one that takes it is enough', async (t) => {
  const clock = new FakeClock(1_800_000_000_000);
  const healthy = await receiver(t);
  const broken = await receiver(t, [500]);
  const busy = await receiver(t, [429, 429]);
  const down = downNotice(clock.wallMs());
  const all = notifierOf([broken.origin, healthy.origin, 'http://tocsin.invalid'], { clock });
  t.match(await all(down), { kind: 'ok', detail: '1 of 3 instances took it; HTTP 500', httpStatus: 200 });
  t.match(await all(down), { kind: 'ok', detail: /^2 of 3 instances took it; the host name/ });
  t.equal(healthy.requests.length, 2);
  const none = notifierOf([busy.origin, 'http://tocsin.invalid'], { clock });
  t.match(await none(down), { kind: 'retryable', detail: 'none of 2 instances took it; HTTP 429' });
  const asked = notifierOf([busy.origin], { clock });
  t.match(await asked(down), { kind: 'retryable', reason: 'http_status', retryAfterMs: 7_000 });
});

t.test('settings that are wrong are refused, naming the field, without its value', (t) => {
  const valid = { urls: ['https://alice:s3cret@am.example.org/prefix'], labels: { team_1: 'Ops' } };
  t.same(alertmanagerKind.settings.parse(valid), valid);
  t.same(alertmanagerKind.settings.parse({ urls: valid.urls }), { urls: valid.urls, labels: {} });
  const wrong: [field: string, settings: object][] = [
    ['urls', {}],
    ['urls', { urls: [] }],
    ['urls.0', { urls: ['s3cret.example.org'] }],
    ['urls.0', { urls: ['ftp://s3cret.example.org'] }],
    ['urls.0', { urls: ['http://am.example.org/?s3cret'] }],
    ['urls.1', { urls: ['http://am.example.org', 'http://s3cret .example.org'] }],
    ['labels.1st', { urls: valid.urls, labels: { '1st': 'x' } }],
    ['labels.a-b', { urls: valid.urls, labels: { 'a-b': 'x' } }],
    ['labels.__name__', { urls: valid.urls, labels: { __name__: 'x' } }],
    ['labels.severity', { urls: valid.urls, labels: { severity: 'x' } }],
    ['labels.team', { urls: valid.urls, labels: { team: '' } }],
    ['labels', { urls: valid.urls, labels: Object.fromEntries([...Array(21).keys()].map((n) => [`l${n}`, 'x'])) }],
    ['', { ...valid, more: 1 }],
  ];
  for (const [field, settings] of wrong) {
    const { error } = alertmanagerKind.settings.safeParse(settings);
    t.equal(error?.issues[0]?.path.join('.'), field, JSON.stringify(settings));
    t.notMatch(error?.message, /s3cret/);
  }
  t.end();
});
