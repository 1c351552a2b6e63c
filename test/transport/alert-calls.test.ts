import { getOption, type Message, toJson } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import t from 'tap';
import { http } from '../../gen/ts/google/api/annotations_pb.ts';
import { AlertService, AlertState, DeliveryState } from '../../gen/ts/tocsin/v1/alert_pb.ts';
import { bindService, type ServiceHandlers } from '../../server/service/service-handlers.ts';
import { restJson } from '../../server/transport/codec/rest-json.ts';
import { bare, clientsOf, form, json, type RestCall, send, told, toldBy } from './every-client.ts';
import { serveRecorder } from './serve-recorder.ts';

// Every call of AlertService, over REST, Connect (JSON and binary) and gRPC, past the lanes and through them.

type Call = keyof typeof AlertService.method;

const nov22 = timestampFromDate(new Date('2026-11-22T00:00:00Z'));
const route = { name: 'ops', steps: [{ after: '0s', channels: ['a'] }], match: { tags: ['x'] }, createdAt: nov22 };
const silence = { id: 's', match: { namePattern: '*' }, until: nov22 };
const alert = { incidentId: 'i', state: AlertState.ACKNOWLEDGED, told: [{ channel: 'a', reminders: 2 }] };
const delivery = { id: 'd', state: DeliveryState.BURIED, attempts: [{ number: 1, latencySeconds: 0.25 }] };

const calls: { call: string; request: Message }[] = [];
const answers: { [K in Call]: Awaited<ReturnType<ServiceHandlers<typeof AlertService>[K]>> } = {
  listRoutes: { routes: [route] },
  getRoute: { route },
  upsertRoute: { route, created: true },
  deleteRoute: { name: 'ops' },
  testRoutes: { steps: [{ channel: 'a', after: '5m', recovery: true }] },
  listSilences: { silences: [silence] },
  createSilence: { silence },
  expireSilence: { silence },
  listAlerts: { alerts: [alert], nextPageToken: 't' },
  acknowledgeAlert: { alert },
  unacknowledgeAlert: { alert },
  listDeliveries: { deliveries: [delivery] },
  getDelivery: { delivery },
  redeliver: { delivery },
};
const handlers = Object.fromEntries(
  Object.entries(answers).map(([call, answer]) => [
    call,
    async (request: Message) => {
      calls.push({ call, request });
      return answer;
    },
  ]),
) as unknown as ServiceHandlers<typeof AlertService>;
const services = [bindService(AlertService, handlers)];
const servers = [await serveRecorder({ services }), await serveRecorder({ services, lanes: [] })];
const clients = servers.map((server) => clientsOf(AlertService, server));
t.teardown(() => Promise.all(servers.map((server) => server.close())));

type Row = { call: Call; request: object; rest: RestCall[] };

const rows: Row[] = [
  { call: 'listRoutes', request: {}, rest: [bare('GET', '/routes'), bare('GET', '/routes?unknown=1')] },
  ...['test', 'a.b_c-D', '-', 'routes', 'route-plan', '0'].flatMap((name): Row[] => [
    { call: 'getRoute', request: { name }, rest: [bare('GET', `/routes/${name}`)] },
    { call: 'deleteRoute', request: { name, etag: 'e' }, rest: [bare('DELETE', `/routes/${name}?etag=e`)] },
    {
      call: 'upsertRoute',
      request: { route: { name, steps: [{ channels: ['a', 'b'] }, { after: '5m', channels: ['c'] }], etag: 'e' } },
      rest: [
        json('PUT', `/routes/${name}?etag=e`, {
          steps: [{ channels: ['a', 'b'] }, { after: '5m', channels: ['c'] }],
          created_at: null,
        }),
      ],
    },
  ]),
  {
    call: 'upsertRoute',
    request: {
      route: {
        name: 'a',
        description: 'ü',
        match: { tags: ['x', 'y'], namePattern: 'db-*', severities: ['critical', 'info'] },
        steps: [{ after: '0s', channels: ['a'] }],
        reminder: 'off',
        noRecovery: true,
      },
    },
    rest: [
      json('PUT', '/routes/a', {
        description: 'ü',
        match: { tags: ['x', 'y'], name_pattern: 'db-*', severities: ['critical', 'info'] },
        steps: [{ after: '0s', channels: ['a'] }],
        reminder: 'off',
        no_recovery: true,
      }),
    ],
  },
  { call: 'testRoutes', request: { name: 'a/b c' }, rest: [bare('GET', '/route-plan?name=a/b%20c')] },
  { call: 'listSilences', request: {}, rest: [bare('GET', '/silences')] },
  {
    call: 'createSilence',
    request: { silence: { match: { tags: ['x'] }, until: nov22, comment: 'move', createdBy: 'ann' } },
    rest: [
      json('POST', '/silences', {
        match: { tags: ['x'] },
        until: '2026-11-22T00:00:00Z',
        comment: 'move',
        created_by: 'ann',
      }),
    ],
  },
  { call: 'expireSilence', request: { id: 'a-1' }, rest: [bare('DELETE', '/silences/a-1')] },
  {
    call: 'listAlerts',
    request: { pageSize: 7, pageToken: 'p', tag: 'x' },
    rest: [bare('GET', '/alerts?page_size=7&page_token=p&tag=x')],
  },
  {
    call: 'acknowledgeAlert',
    request: { name: 'a/b', by: 'ann', note: 'on it' },
    rest: [
      bare('POST', '/alerts/acknowledge?name=a/b&by=ann&note=on+it'),
      form('POST', '/alerts/acknowledge', 'name=a%2Fb&by=ann&note=on+it'),
      json('POST', '/alerts/acknowledge', { name: 'a/b', by: 'ann', note: 'on it' }),
    ],
  },
  {
    call: 'unacknowledgeAlert',
    request: { incidentId: 'i' },
    rest: [bare('POST', '/alerts/unacknowledge?incident_id=i')],
  },
  {
    call: 'listDeliveries',
    request: { channel: 'a', states: [DeliveryState.PENDING, DeliveryState.BURIED], pageSize: 2 },
    rest: [
      bare('GET', '/deliveries?channel=a&states=pending,buried&page_size=2'),
      bare('GET', '/deliveries?channel=a&states=pending&states=DELIVERY_STATE_BURIED&page_size=2'),
    ],
  },
  ...['redeliver', '0b6e5d1c-8f0e'].map(
    (id): Row => ({ call: 'getDelivery', request: { id }, rest: [bare('GET', `/deliveries/${id}`)] }),
  ),
  {
    call: 'redeliver',
    request: { id: 'd' },
    rest: [bare('POST', '/deliveries/redeliver?id=d'), json('POST', '/deliveries/redeliver', { id: 'd' })],
  },
];

t.test('every call of AlertService means the same over every protocol', async (t) => {
  for (const { call, request, rest } of rows) {
    const method = AlertService.method[call];
    const plain = (message: Message | undefined) => message && toJson(method.input, message as never);
    for (const [index, server] of servers.entries()) {
      let answer: Message | undefined;
      let expected: unknown;
      for (const [protocol, client] of Object.entries(clients[index]!)) {
        calls.length = 0;
        answer = await client[call]!(request);
        t.match(calls, [{ call }], `${call} over ${protocol}`);
        expected ??= plain(calls[0]?.request);
        t.strictSame(plain(calls[0]?.request), expected);
      }
      const whole = JSON.parse(restJson(method.output)(answer!));
      const { responseBody } = getOption(method, http);
      for (const one of rest) {
        calls.length = 0;
        const response = await send(server, one);
        t.strictSame(await response.json(), responseBody === '' ? whole : whole[responseBody], one.path);
        t.match(calls, [{ call }], `${one.method} ${one.path}`);
        t.strictSame(plain(calls[0]?.request), expected, `${one.method} ${one.path}`);
      }
    }
  }
  t.strictSame([...new Set(rows.map(({ call }) => call))].sort(), Object.keys(AlertService.method).sort());
});

type Wrong = { call: Call; request: object; rest: RestCall[]; field: string; message: string };

const steps = [{ channels: ['a'] }];
const wrong: Wrong[] = [
  {
    call: 'upsertRoute',
    request: { route: { name: 'a b', steps } },
    rest: [json('PUT', '/routes/a%20b', { steps })],
    field: 'route.name',
    message: 'must be 1 to 64 letters, digits, dots, underscores and hyphens; got "a b"',
  },
  {
    call: 'upsertRoute',
    request: { route: { name: 'a' } },
    rest: [json('PUT', '/routes/a', {}), bare('PUT', '/routes/a')],
    field: 'route.steps',
    message: 'must be an array of 1 to 10 steps; got 0',
  },
  {
    call: 'upsertRoute',
    request: { route: { name: 'a', steps: [...steps, { after: '5m', channels: [] }] } },
    rest: [json('PUT', '/routes/a', { steps: [...steps, { after: '5m' }] })],
    field: 'route.steps[1].channels',
    message: 'must be an array of 1 to 20 names of channels; got 0',
  },
  {
    call: 'upsertRoute',
    request: { route: { name: 'a', steps, match: { severities: ['critical', 'bad'] } } },
    rest: [json('PUT', '/routes/a', { steps, match: { severities: ['critical', 'bad'] } })],
    field: 'route.match.severities[1]',
    message: 'must be critical, error, warning or info; got "bad"',
  },
  {
    call: 'createSilence',
    request: { silence: { match: { tags: ['x', 'x'] } } },
    rest: [json('POST', '/silences', { match: { tags: ['x', 'x'] } })],
    field: 'silence.match.tags',
    message: 'must not hold the same item twice; got "x" twice',
  },
  { call: 'testRoutes', request: {}, rest: [bare('GET', '/route-plan')], field: 'name', message: 'is required' },
  {
    call: 'listAlerts',
    request: { pageSize: 501 },
    rest: [bare('GET', '/alerts?page_size=501')],
    field: 'page_size',
    message: 'must be a whole number from 0 to 500; got 501',
  },
  {
    call: 'listDeliveries',
    request: { states: [9] },
    rest: [bare('GET', '/deliveries?states=9')],
    field: 'states[0]',
    message: 'must be one of pending, sent, buried; got 9',
  },
  {
    call: 'acknowledgeAlert',
    request: { name: 'a', note: 'x'.repeat(1_001) },
    rest: [json('POST', '/alerts/acknowledge', { name: 'a', note: 'x'.repeat(1_001) })],
    field: 'note',
    message: 'must be at most 1000 bytes; got 1001 bytes',
  },
];

t.test('what is wrong is told in the same words, and over REST by the names that its body has', async (t) => {
  for (const { call, request, rest, field, message } of wrong) {
    for (const [index, server] of servers.entries()) {
      calls.length = 0;
      for (const client of Object.values(clients[index]!)) {
        const expected = { code: 'invalid_argument', field, message: `${field}: ${message}` };
        t.strictSame(await toldBy(client[call]!(request)), expected);
      }
      const own = field.replace(/^(route|silence)\./, '');
      for (const one of rest) {
        const expected = { status: 400, code: 'invalid_argument', field: own, message: `${own}: ${message}` };
        t.strictSame(await told(await send(server, one)), expected, `${one.method} ${one.path}`);
      }
      t.strictSame(calls, []);
    }
  }
});
