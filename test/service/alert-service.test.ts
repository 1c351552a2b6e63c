import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { AlertState, DeliveryState } from '../../gen/ts/tocsin/v1/alert_pb.ts';
import { BeatStatus } from '../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import { IncidentReason } from '../../gen/ts/tocsin/v1/monitor_pb.ts';
import { failureOf, type ServiceUnderTest, serviceUnderTest } from './service-under-test.ts';

const minuteMs = 60_000;
const now = [{ channels: ['default'] }];

async function failing({ heartbeat, clock }: ServiceUnderTest, name: string, tags: string[] = []): Promise<void> {
  await heartbeat.ping({ name, frequency: '1h', tags, status: BeatStatus.FAIL, message: 'disk full', exitCode: 3 });
  await clock.advance(0);
}

/** The only alert that is open, once somebody was told: what changes rules is answered before monitors are looked at again. */
async function toldAlert({ alerts, clock }: ServiceUnderTest) {
  for (let seconds = 0; ; seconds++) {
    const [alert] = (await alerts.listAlerts({})).alerts;
    if (alert?.state === AlertState.TOLD || seconds === 60) return alert;
    await clock.advance(1_000);
  }
}

t.test('routes are made, read, changed and deleted', async (t) => {
  const { alerts } = await serviceUnderTest(t);
  const made = await alerts.upsertRoute({ route: { name: 'b', match: { tags: ['db'] }, steps: now, reminder: '1h' } });
  t.match(made, {
    created: true,
    route: { name: 'b', match: { tags: ['db'] }, steps: [{ after: '0s', channels: ['default'] }], reminder: '1h' },
  });
  await alerts.upsertRoute({ route: { name: 'a', steps: [{ after: '5m', channels: ['default'] }] } });
  t.match(await alerts.listRoutes({}), { routes: [{ name: 'a', match: undefined }, { name: 'b' }] });
  const { route } = await alerts.getRoute({ name: 'b' });
  t.same(route, made.route);
  t.match(await alerts.upsertRoute({ route: { ...route!, noRecovery: true } }), { created: false });
  t.match(await failureOf(alerts.upsertRoute({ route: { name: 'b', steps: now, etag: route!.etag } })), {
    code: 'Aborted',
    field: 'route.etag',
  });
  const unknown = { code: 'NotFound', field: 'name', message: 'name: no route is called "c"' };
  t.same(await failureOf(alerts.getRoute({ name: 'c' })), unknown);
  t.same(await failureOf(alerts.deleteRoute({ name: 'c' })), unknown);
  t.match(await failureOf(alerts.upsertRoute({ route: { name: 'c', steps: now, etag: 'x' } })), {
    code: 'NotFound',
    field: 'route.name',
  });
  t.match(await failureOf(alerts.deleteRoute({ name: 'b', etag: route!.etag })), { code: 'Aborted', field: 'etag' });
  t.same((await alerts.deleteRoute({ name: 'b' })).name, 'b');
  t.match(await failureOf(alerts.upsertRoute({ route: { name: 'c', steps: [{ channels: ['nobody'] }] } })), {
    code: 'InvalidArgument',
    field: 'route.steps[0].channels[0]',
    message: 'route.steps[0].channels[0]: must be names of channels that exist: default; got "nobody"',
  });
});

t.test('routes and silences are there after a restart', async (t) => {
  const directory = t.testdir();
  await t.test('one server', async (t) => {
    const { alerts } = await serviceUnderTest(t, { TOCSIN_DATA_DIR: directory });
    await alerts.upsertRoute({ route: { name: 'a', steps: now } });
    await alerts.createSilence({ silence: { match: { namePattern: '*' }, duration: '1h' } });
  });
  await t.test('the next', async (t) => {
    const { alerts, rest } = await serviceUnderTest(t, { TOCSIN_DATA_DIR: directory });
    t.match(await alerts.listRoutes({}), { routes: [{ name: 'a' }] });
    t.match(await alerts.listSilences({}), { silences: [{ match: { namePattern: '*' } }] });
    t.match(await rest('GET', '/route-plan?name=x'), { body: { routes: ['a'], silences: [/./] } });
  });
});

t.test('who would be told', async (t) => {
  const { alerts, monitors, clock } = await serviceUnderTest(t, { TOCSIN_ALERT_REPEAT: '2h' });
  await monitors.createMonitor({ monitor: { name: 'db-1', frequency: '1h', tags: ['db'], severity: 'warning' } });
  const match = { tags: ['db'], namePattern: 'db-?', severities: ['error', 'warning'] };
  await alerts.upsertRoute({
    route: { name: 'late', match, steps: [{ after: '5m', channels: ['default'] }], reminder: '30m', noRecovery: true },
  });
  await alerts.upsertRoute({ route: { name: 'others', match: { tags: ['web'] }, steps: now } });
  const { silence } = await alerts.createSilence({ silence: { match: { tags: ['db'] }, duration: '1h' } });
  t.match(await alerts.testRoutes({ name: 'db-1' }), {
    steps: [{ channel: 'default', after: '5m', reminder: '30m', recovery: false }],
    routes: ['late'],
    silences: [silence!.id],
  });
  t.match(await alerts.testRoutes({ name: 'nobody' }), {
    steps: [{ channel: 'default', after: '0s', reminder: '2h', recovery: true }],
    routes: [],
    silences: [],
  });
  await clock.advance(60 * minuteMs);
  t.match(await alerts.testRoutes({ name: 'db-1' }), { silences: [] });
});

t.test('alerts that are open', async (t) => {
  const under = await serviceUnderTest(t, { TOCSIN_ALERT_REPEAT: '1h' });
  const { alerts, monitors, heartbeat, clock } = under;
  await alerts.upsertRoute({
    route: { name: 'later', match: { tags: ['db'] }, steps: [{ after: '5m', channels: ['default'] }], reminder: 'off' },
  });
  await failing(under, 'web');
  await failing(under, 'db', ['db']);
  await heartbeat.ping({ name: 'fine', frequency: '1h' });
  const downS = BigInt(clock.wallMs() / 1_000);
  const { incident } = (await monitors.getMonitor({ name: 'db' })).monitor!;
  t.match(await alerts.listAlerts({}), {
    alerts: [
      {
        incidentId: incident!.id,
        name: 'db',
        severity: 'critical',
        tags: ['db'],
        state: AlertState.WAITING,
        downSince: { seconds: downS },
        reason: IncidentReason.FAILED,
        message: 'disk full',
        exitCode: 3,
        told: [],
        nextAt: { seconds: downS + 300n },
        acknowledgement: undefined,
        silences: [],
        heldBy: '',
      },
      {
        name: 'web',
        state: AlertState.TOLD,
        told: [{ channel: 'default', toldAt: { seconds: downS }, reminders: 0 }],
        nextAt: { seconds: downS + 3_600n },
      },
    ],
    nextPageToken: '',
  });
  const { nextPageToken: pageToken } = await alerts.listAlerts({ pageSize: 1 });
  t.match(await alerts.listAlerts({ pageSize: 1, pageToken }), { alerts: [{ name: 'web' }], nextPageToken: '' });
  t.match(await failureOf(alerts.listAlerts({ pageToken, tag: 'db' })), { field: 'page_token' });
  t.equal((await alerts.listAlerts({ tag: 'db' })).alerts.length, 1);
  t.match(await alerts.listAlerts({ name: 'web' }), { alerts: [{ name: 'web' }], nextPageToken: '' });
  for (const none of [{ name: 'we' }, { name: 'fine' }, { name: 'web', tag: 'db' }]) {
    t.same((await alerts.listAlerts(none)).alerts, [], JSON.stringify(none));
  }
  await clock.advance(5 * minuteMs + 10);
  t.match(await alerts.listAlerts({ tag: 'db' }), {
    alerts: [{ state: AlertState.TOLD, told: [{ channel: 'default' }], nextAt: undefined }],
  });
  await heartbeat.ping({ name: 'db', frequency: '1h' });
  t.match(await alerts.listAlerts({}), { alerts: [{ name: 'web' }] });
});

t.test('somebody cares, and then does not', async (t) => {
  const under = await serviceUnderTest(t, { TOCSIN_ALERT_REPEAT: '1h' });
  const { alerts, heartbeat, clock } = under;
  await failing(under, 'web');
  const { alert } = await alerts.acknowledgeAlert({ name: 'web', by: 'ann', note: 'on it' });
  const nowS = BigInt(clock.wallMs() / 1_000);
  t.match(alert, {
    name: 'web',
    state: AlertState.ACKNOWLEDGED,
    acknowledgement: { at: { seconds: nowS }, by: 'ann', note: 'on it' },
    nextAt: undefined,
  });
  await clock.advance(30 * minuteMs);
  const { incidentId } = alert!;
  const back = await alerts.unacknowledgeAlert({ incidentId });
  t.match(back.alert, { state: AlertState.TOLD, acknowledgement: undefined, nextAt: { seconds: nowS + 5_400n } });
  t.match(await alerts.acknowledgeAlert({ incidentId }), { alert: { acknowledgement: { by: '', note: '' } } });
  t.match(await failureOf(alerts.acknowledgeAlert({})), { code: 'InvalidArgument', field: 'name' });
  t.match(await failureOf(alerts.acknowledgeAlert({ name: 'web', incidentId })), { field: 'name' });
  t.match(await failureOf(alerts.acknowledgeAlert({ name: 'nobody' })), { code: 'NotFound', field: 'name' });
  t.match(await failureOf(alerts.acknowledgeAlert({ incidentId: 'none' })), { code: 'NotFound', field: 'incident_id' });
  await heartbeat.ping({ name: 'web', frequency: '1h' });
  t.match(await failureOf(alerts.unacknowledgeAlert({ name: 'web' })), { code: 'NotFound', field: 'name' });
  t.match(await failureOf(alerts.acknowledgeAlert({ incidentId })), { code: 'NotFound', field: 'incident_id' });
  await failing(under, 'web');
  t.match(await alerts.listAlerts({}), { alerts: [{ state: AlertState.TOLD }] }, 'the next incident is news');
});

t.test('a silence that begins and ends is followed at once', async (t) => {
  const under = await serviceUnderTest(t);
  const { alerts, clock } = under;
  const start = BigInt(clock.wallMs() / 1_000);
  const { silence } = await alerts.createSilence({
    silence: { match: { tags: ['db'] }, duration: '1h', comment: 'move', createdBy: 'ann' },
  });
  t.match(silence, {
    id: /./,
    match: { tags: ['db'], namePattern: '', severities: [] },
    start: { seconds: start },
    until: { seconds: start + 3_600n },
    duration: '',
    comment: 'move',
    createdBy: 'ann',
    createdAt: { seconds: start },
  });
  await failing(under, 'db', ['db']);
  t.match(await alerts.listAlerts({}), {
    alerts: [{ state: AlertState.SILENCED, told: [], silences: [silence!.id], nextAt: { seconds: start + 3_600n } }],
  });
  await clock.advance(1_000);
  const { silence: ended } = await alerts.expireSilence({ id: silence!.id });
  t.match(ended, { until: { seconds: start + 1n } });
  t.match(await toldAlert(under), { state: AlertState.TOLD, told: [{ channel: 'default' }] });
  t.same((await alerts.expireSilence({ id: silence!.id })).silence, ended);
  t.match(await alerts.listSilences({}), { silences: [ended] });
  t.match(await failureOf(alerts.expireSilence({ id: 'none' })), { code: 'NotFound', field: 'id' });
  t.match(await failureOf(alerts.createSilence({ silence: { duration: '1h' } })), { field: 'silence.match' });
});

t.test('a route that is made or deleted holds for what is down already', async (t) => {
  const under = await serviceUnderTest(t);
  const { alerts, clock } = under;
  await alerts.upsertRoute({ route: { name: 'r', steps: [{ after: '1h', channels: ['default'] }] } });
  await failing(under, 'web');
  t.match(await alerts.listAlerts({}), { alerts: [{ state: AlertState.WAITING }] });
  await clock.advance(minuteMs);
  await alerts.deleteRoute({ name: 'r' });
  t.match(await toldAlert(under), { state: AlertState.TOLD });
});

t.test('over REST', async (t) => {
  const under = await serviceUnderTest(t);
  const { rest } = under;
  const route = await rest('PUT', '/routes/test', { steps: now, match: { severities: ['critical'] } });
  t.match(route, { status: 200, body: { created: true, route: { name: 'test', reminder: '', no_recovery: false } } });
  t.match(await rest('GET', '/routes/test'), { body: { name: 'test', etag: /./, match: { name_pattern: '' } } });
  t.match(await rest('GET', '/route-plan?name=x'), { body: { steps: [{ channel: 'default' }], routes: ['test'] } });
  t.match(await rest('PUT', '/routes/..%2e', { steps: now }), { status: 400, body: { field: 'name' } });
  t.match(await rest('PUT', '/routes/r', { steps: [{ after: 'x', channels: ['default'] }] }), {
    status: 400,
    body: { field: 'steps[0].after' },
  });
  await failing(under, 'a/b');
  t.match(await rest('POST', '/alerts/acknowledge?name=a/b&by=ann'), {
    status: 200,
    body: { name: 'a/b', state: 'acknowledged', acknowledgement: { by: 'ann' }, next_at: null },
  });
  t.match(await rest('GET', '/alerts'), { body: { alerts: [{ state: 'acknowledged', reason: 'failed' }] } });
  t.match(await rest('POST', '/silences', { match: { name_pattern: '\\' }, duration: '1h' }), {
    status: 400,
    body: { field: 'match.name_pattern' },
  });
  t.match(await rest('DELETE', '/silences/none'), { status: 404, body: { field: 'id' } });
  t.match(await rest('DELETE', '/routes/test'), { body: { name: 'test' } });
});

t.test('what became of deliveries', async (t) => {
  let status = 503;
  const receiver = createServer((_, response) => response.writeHead(status).end('no room'));
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  t.teardown(() => receiver.close());
  const { port } = receiver.address() as AddressInfo;
  const under = await serviceUnderTest(t, { PING_ALERT_URI: `http://127.0.0.1:${port}/hook` });
  const { alerts, clock, rest } = under;
  /** The only delivery, once it is as wanted. */
  const delivery = async (state: DeliveryState, { attempts = 1, stepMs = 10 } = {}) => {
    for (let tries = 0; ; tries++) {
      const [found] = (await alerts.listDeliveries({})).deliveries;
      if ((found?.state === state && found.attemptCount >= attempts) || tries === 2_000) return found;
      await clock.advance(stepMs);
    }
  };
  await failing(under, 'web');
  const pending = await delivery(DeliveryState.PENDING);
  t.match(pending, {
    id: /./,
    channel: 'default',
    createdAt: { seconds: /./ },
    settledAt: undefined,
    nextAttemptAt: { seconds: /./ },
    noticeCount: 1,
    notices: [{ type: 'down', name: 'web', text: /^web is DOWN/ }],
    attempts: [{ number: 1, outcome: 'retryable', reason: 'http_status', httpStatus: 503, answer: 'no room' }],
  });
  t.match(await alerts.listAlerts({}), { alerts: [{ told: [{ channel: 'default', pending: true }] }] });
  const { id } = pending!;
  t.match(await failureOf(alerts.redeliver({ id })), {
    code: 'FailedPrecondition',
    field: 'id',
    message: /^id: this delivery was not given up: it still waits, and is tried again at 2\d{3}-.*Z$/,
  });
  status = 410;
  t.match(await delivery(DeliveryState.BURIED, { stepMs: 10_000 }), {
    id,
    settledAt: { seconds: /./ },
    nextAttemptAt: undefined,
  });
  t.match(await rest('GET', '/deliveries?states=buried'), { body: { deliveries: [{ id, state: 'buried' }] } });
  t.match(await rest('GET', '/deliveries?states=pending,sent'), { body: { deliveries: [] } });
  status = 200;
  t.match(await rest('POST', `/deliveries/redeliver?id=${id}`), { status: 200, body: { id, state: 'pending' } });
  const sent = await delivery(DeliveryState.SENT);
  t.match(sent, { id, attempts: [{ httpStatus: 503 }, { outcome: 'permanent', httpStatus: 410 }, { outcome: 'ok' }] });
  t.same((await alerts.getDelivery({ id })).delivery, sent);
  t.match(await alerts.listAlerts({}), { alerts: [{ told: [{ channel: 'default', pending: false }] }] });
  t.match(await failureOf(alerts.redeliver({ id })), { code: 'FailedPrecondition', message: /was sent already/ });
  t.match(await failureOf(alerts.getDelivery({ id: 'none' })), { code: 'NotFound', field: 'id' });
});

t.test('while many alerts are listed, others have their turn', async (t) => {
  const scene = await serviceUnderTest(t);
  const { alerts, clock } = scene;
  const names = Array.from({ length: 35 }, (_, index) => `job-${100 + index}`);
  for (const name of names) await failing(scene, name);
  const afterIo = clock.afterIo.bind(clock);
  let turns = 0;
  clock.afterIo = (run) => {
    turns += 1;
    afterIo(run);
  };
  const listed = await alerts.listAlerts({});
  t.same(
    listed.alerts.map(({ name }) => name),
    names,
  );
  t.ok(turns >= 3);
});
