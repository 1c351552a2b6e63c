import { type DescMessage, getOption, type Message, toJson } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { codeToString } from '@connectrpc/connect/protocol-connect';
import { createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node';
import t, { type Test } from 'tap';
import { http } from '../../gen/ts/google/api/annotations_pb.ts';
import { MonitorService, MonitorStatus } from '../../gen/ts/tocsin/v1/monitor_pb.ts';
import { callError } from '../../server/service/call-error.ts';
import { restJson } from '../../server/transport/codec/rest-json.ts';
import { bare, clientsOf, form, json, type RestCall, send, told, toldBy } from './every-client.ts';
import { exported, serveRecorder } from './serve-recorder.ts';

// Every call of MonitorService, over REST, Connect (JSON and binary) and gRPC, past the lanes and through them: the handler
// gets the same message, and the answers mean the same.

const maxBodyBytes = 20_000;
const laned = await serveRecorder({ maxBodyBytes });
const stock = await serveRecorder({ maxBodyBytes, lanes: [] });
const servers = [laned, stock];

const clients = servers.map((server) => clientsOf(MonitorService, server));

type Row = { call: keyof typeof MonitorService.method; request: Record<string, unknown>; rest: RestCall[] };

const nov22 = timestampFromDate(new Date('2026-11-22T00:00:00Z'));
const document = 'monitors:\n- name: ü\n  frequency: 10m\n';

const rows: Row[] = [
  {
    call: 'createMonitor',
    request: {
      monitor: {
        name: 'a/b',
        cron: '0 3 * * *',
        timeZone: 'Europe/Berlin',
        grace: '5m',
        failuresToAlert: 3,
        tags: ['x', 'ü y'],
        dependsOn: ['db, the big one', 'net'],
      },
    },
    rest: [
      json('POST', '/monitors', {
        name: 'a/b',
        cron: '0 3 * * *',
        time_zone: 'Europe/Berlin',
        grace: '5m',
        failures_to_alert: 3,
        tags: ['x', 'ü y'],
        depends_on: ['db, the big one', 'net'],
        description: null,
        unknown: { name: 'z' },
      }),
      form(
        'POST',
        '/monitors?unknown=1',
        'name=a/b&cron=0+3+*+*+*&time_zone=Europe/Berlin&grace=5m&failures_to_alert=3&tags=x,%C3%BC+y' +
          '&depends_on=db,+the+big+one&depends_on=net&unknown=2',
      ),
    ],
  },
  {
    call: 'upsertMonitor',
    request: {
      monitor: {
        name: 'a/b%',
        frequency: '10m',
        maintenance: [
          { start: nov22, end: nov22 },
          { cron: '0 2 * * 0', duration: '2h' },
        ],
        etag: 'e',
      },
    },
    rest: [
      json('PUT', '/monitors/a%2Fb%25', {
        frequency: '10m',
        maintenance: [
          { start: '2026-11-22T00:00:00Z', end: '2026-11-22T01:00:00+01:00', cron: null },
          { cron: '0 2 * * 0', duration: '2h' },
        ],
        etag: 'e',
      }),
      json('PUT', '/monitors/a/b%25', {
        name: 'a/b%',
        frequency: '10m',
        maintenance: [
          { start: '2026-11-22T00:00:00Z', end: '2026-11-22T00:00:00Z' },
          { cron: '0 2 * * 0', duration: '2h' },
        ],
        etag: 'e',
      }),
    ],
  },
  ...['pause', 'resume', 'a/b', 'a%2Fb', '%', '日本', 'monitors', 'a b+c', 'x:pause', '*'].flatMap((name): Row[] => {
    const path = `/monitors/${encodeURIComponent(name).replaceAll('.', '%2E')}`;
    return [
      { call: 'getMonitor', request: { name }, rest: [bare('GET', path)] },
      {
        call: 'deleteMonitor',
        request: { name, etag: 'e' },
        rest: [bare('DELETE', `${path}?etag=e`)],
      },
      {
        call: 'updateMonitor',
        request: { monitor: { name, grace: '1m' }, updateMask: { paths: ['grace'] } },
        rest: [json('PATCH', path, { grace: '1m' }), form('PATCH', path, 'grace=1m')],
      },
      {
        call: 'upsertMonitor',
        request: { monitor: { name, frequency: '1m' } },
        rest: [json('PUT', path, { frequency: '1m' }), form('PUT', path, 'frequency=1m')],
      },
    ];
  }),
  {
    call: 'updateMonitor',
    request: {
      monitor: { name: 'a', tags: ['x'] },
      updateMask: { paths: ['description', 'tags', 'max_run', 'channels'] },
    },
    rest: [
      json('PATCH', '/monitors/a', { description: null, tags: ['x'], maxRun: '', channels: [], unknown: 1 }),
      form('PATCH', '/monitors/a', 'description=&tags=x&max_run=&channels='),
      json('PATCH', '/monitors/a?update_mask=description,tags,max_run,channels', { tags: ['x'] }),
      json('PATCH', '/monitors/a?updateMask=description,tags,maxRun,channels', { tags: ['x'] }),
    ],
  },
  {
    call: 'updateMonitor',
    request: { monitor: { name: 'a', grace: '1m', etag: 'e' }, updateMask: { paths: ['name', 'grace', 'etag'] } },
    rest: [json('PATCH', '/monitors/a', { name: 'a', grace: '1m', etag: 'e' })],
  },
  {
    call: 'updateMonitor',
    request: { monitor: { name: 'a' }, updateMask: { paths: [] } },
    rest: [bare('PATCH', '/monitors/a'), json('PATCH', '/monitors/a', {}), bare('PATCH', '/monitors/a?update_mask=')],
  },
  {
    call: 'pauseMonitor',
    request: { name: 'a/b', until: nov22, untilNextPing: true },
    rest: [
      bare('POST', '/monitors/pause?name=a/b&until=2026-11-22T00:00:00Z&until_next_ping=true'),
      form('POST', '/monitors/pause', 'name=a%2Fb&until=2026-11-22T00:00:00Z&until_next_ping=true'),
      json('POST', '/monitors/pause', { name: 'a/b', until: '2026-11-22T00:00:00.000Z', until_next_ping: true }),
      json('POST', '/monitors/pause?name=a/b', { until: '2026-11-22T00:00:00Z', until_next_ping: true }),
    ],
  },
  { call: 'resumeMonitor', request: { name: 'a' }, rest: [bare('POST', '/monitors/resume?name=a')] },
  {
    call: 'listMonitors',
    request: {
      statuses: [MonitorStatus.DOWN, MonitorStatus.LATE],
      tag: 'x,y',
      namePrefix: 'a/',
      order: 4,
      pageSize: 7,
    },
    rest: [
      bare('GET', '/monitors?statuses=down&statuses=late&tag=x,y&name_prefix=a/&order=created_desc&page_size=7'),
      bare('GET', '/monitors?statuses=DOWN,MONITOR_STATUS_LATE&tag=x%2Cy&namePrefix=a%2F&order=4&page_size=7&x=1'),
    ],
  },
  { call: 'listMonitors', request: {}, rest: [bare('GET', '/monitors'), bare('GET', '/monitors?statuses=')] },
  {
    call: 'applyMonitors',
    request: { document: { contentType: 'text/yaml', data: Buffer.from(document) }, dryRun: true },
    rest: [{ method: 'POST', path: '/apply?dry_run=true', type: 'text/yaml', body: document }],
  },
  {
    call: 'applyMonitors',
    request: { document: { contentType: 'application/json', data: Buffer.from('{"a":1,"a":') }, dryRun: false },
    rest: [{ method: 'POST', path: '/apply', type: 'application/json', body: '{"a":1,"a":' }],
  },
  {
    call: 'applyMonitors',
    request: { document: { contentType: 'application/octet-stream', data: new Uint8Array([0, 255]) } },
    rest: [{ method: 'POST', path: '/apply', type: 'application/octet-stream', body: new Uint8Array([0, 255]) }],
  },
  {
    call: 'applyMonitors',
    request: { document: { data: new Uint8Array([1]) } },
    rest: [{ method: 'POST', path: '/apply?unknown=%20', body: new Uint8Array([1]) }],
  },
  { call: 'applyMonitors', request: { document: {} }, rest: [bare('POST', '/apply')] },
  {
    call: 'exportMonitors',
    request: { format: 'json' },
    rest: [bare('GET', '/export?format=json')],
  },
  {
    call: 'listBeats',
    request: { name: 'a/b', pageSize: 5, pageToken: 'p' },
    rest: [bare('GET', '/beats?name=a/b&page_size=5&page_token=p')],
  },
  { call: 'listIncidents', request: { name: '', beatsAround: 10 }, rest: [bare('GET', '/incidents?beats_around=10')] },
  { call: 'listDays', request: { name: 'a', days: 400 }, rest: [bare('GET', '/days?name=a&days=400')] },
  { call: 'listUptimes', request: { days: 30, tag: 'x' }, rest: [bare('GET', '/uptimes?days=30&tag=x')] },
];

/** A message as plain data: what differs in how it is held in memory does not matter. */
function plain(schema: DescMessage, message: Message): unknown {
  return toJson(schema, message as never);
}

async function expectAnswer(
  t: Test,
  row: Row,
  { response, answer }: { response: Response; answer: Message },
): Promise<void> {
  const { output } = MonitorService.method[row.call];
  t.equal(response.status, 200);
  t.equal(response.headers.get('cache-control'), 'no-store');
  if (row.call === 'exportMonitors') {
    t.equal(response.headers.get('content-type'), exported.contentType);
    t.strictSame(new Uint8Array(await response.arrayBuffer()), exported.data);
    return;
  }
  t.equal(response.headers.get('content-type'), 'application/json; charset=utf-8');
  const whole = JSON.parse(restJson(output)(answer));
  const { responseBody } = getOption(MonitorService.method[row.call], http);
  t.strictSame(await response.json(), responseBody === '' ? whole : whole[responseBody]);
}

t.test('every call of MonitorService means the same over every protocol', async (t) => {
  const called = new Set<string>();
  for (const row of rows) {
    const method = MonitorService.method[row.call];
    called.add(row.call);
    for (const [index, server] of servers.entries()) {
      const { calls } = server.recorder;
      let answer: Message | undefined;
      let expected: unknown;
      for (const [protocol, client] of Object.entries(clients[index]!)) {
        calls.length = 0;
        answer = await client[row.call]!(row.request);
        t.match(calls, [{ method: method.name }], `${row.call} over ${protocol}`);
        const request = plain(method.input, calls[0]!.request);
        expected ??= request;
        t.strictSame(request, expected);
      }
      for (const rest of row.rest) {
        calls.length = 0;
        const response = await send(server, rest);
        if (response.status !== 200) t.fail(`${rest.method} ${rest.path}: ${await response.text()}`);
        else await expectAnswer(t, row, { response, answer: answer! });
        t.match(calls, [{ method: method.name }], `${rest.method} ${rest.path} ${rest.body ?? ''}`);
        t.strictSame(calls[0] && plain(method.input, calls[0].request), expected, `${rest.method} ${rest.path}`);
      }
    }
  }
  const unary = MonitorService.methods.filter(({ methodKind }) => methodKind === 'unary');
  t.strictSame([...called].sort(), unary.map(({ localName }) => localName).sort(), 'no call was left out');
});

t.test('a mask that was not given differs from an empty one', async (t) => {
  const { calls } = laned.recorder;
  calls.length = 0;
  await clients[0]!.grpc!.updateMonitor!({ monitor: { name: 'a' } });
  await (await send(laned, bare('PATCH', '/monitors/a'))).json();
  t.equal((calls[0]!.request as { updateMask?: unknown }).updateMask, undefined);
  t.match((calls[1]!.request as { updateMask?: unknown }).updateMask, { paths: [] });
});

type Wrong = { call: Row['call']; request: Record<string, unknown>; rest: RestCall[]; field: string; message: string };

const wrong: Wrong[] = [
  {
    call: 'createMonitor',
    request: { monitor: { name: 'a', tags: ['x', 'y,z'] } },
    rest: [json('POST', '/monitors', { name: 'a', tags: ['x', 'y,z'] })],
    field: 'monitor.tags[1]',
    message: 'must be a string of valid Unicode without a comma; got "y,z"',
  },
  {
    call: 'createMonitor',
    request: { monitor: {} },
    rest: [bare('POST', '/monitors'), json('POST', '/monitors', {}), form('POST', '/monitors', 'x=1')],
    field: 'monitor.name',
    message: 'is required',
  },
  {
    call: 'upsertMonitor',
    request: { monitor: { name: 'a', channels: ['b', 'b'] } },
    rest: [json('PUT', '/monitors/a', { channels: ['b', 'b'] }), form('PUT', '/monitors/a', 'channels=b&channels=b')],
    field: 'monitor.channels',
    message: 'must not hold the same item twice; got "b" twice',
  },
  {
    call: 'upsertMonitor',
    request: { monitor: { name: 'a', tags: Array.from({ length: 1000 }, (_, index) => `t${index}`) } },
    rest: [
      json('PUT', '/monitors/a', { tags: Array.from({ length: 1000 }, (_, index) => `t${index}`) }),
      form('PUT', '/monitors/a', `tags=${Array.from({ length: 1000 }, (_, index) => `t${index}`)}`),
      form('PUT', '/monitors/a', Array.from({ length: 1000 }, (_, index) => `tags=t${index}`).join('&')),
    ],
    field: 'monitor.tags',
    message: 'must be an array of at most 20 items; got more',
  },
  {
    call: 'updateMonitor',
    request: { monitor: { name: 'a', maintenance: [{}, { timeZone: 'x'.repeat(65) }] } },
    rest: [json('PATCH', '/monitors/a', { maintenance: [{}, { time_zone: 'x'.repeat(65) }] })],
    field: 'monitor.maintenance[1].time_zone',
    message: 'must be at most 64 bytes; got 65 bytes',
  },
  {
    call: 'deleteMonitor',
    request: { name: 'x'.repeat(257) },
    rest: [bare('DELETE', `/monitors/${'x'.repeat(257)}`)],
    field: 'name',
    message: 'must be at most 256 bytes; got 257 bytes',
  },
  { call: 'getMonitor', request: {}, rest: [bare('GET', '/monitors/')], field: 'name', message: 'is required' },
  {
    call: 'listMonitors',
    request: { pageSize: 501 },
    rest: [bare('GET', '/monitors?page_size=501')],
    field: 'page_size',
    message: 'must be a whole number from 0 to 500; got 501',
  },
  {
    call: 'listMonitors',
    request: { statuses: [MonitorStatus.DOWN, 9] },
    rest: [bare('GET', '/monitors?statuses=down,9'), bare('GET', '/monitors?statuses=down&statuses=9')],
    field: 'statuses[1]',
    message: 'must be one of new, up, late, down, paused; got 9',
  },
  {
    call: 'listUptimes',
    request: { days: 8 },
    rest: [bare('GET', '/uptimes?days=8')],
    field: 'days',
    message: 'must be 7, 30, 90 or 365; got 8',
  },
  {
    call: 'exportMonitors',
    request: { format: 'xml' },
    rest: [bare('GET', '/export?format=xml')],
    field: 'format',
    message: 'must be yaml or json; got "xml"',
  },
];

t.test('an etag may be a parameter or a header', async (t) => {
  const of = (call: RestCall, ifMatch?: string): [RestCall, string | undefined] => [call, ifMatch];
  const withEtag: [RestCall, string | undefined][] = [
    of(json('PUT', '/monitors/a?etag=e', { grace: '1m' })),
    of(json('PUT', '/monitors/a', { grace: '1m' }), '"e"'),
    of(json('PUT', '/monitors/a?etag=e', { grace: '1m', etag: 'e' }), '"e"'),
    of(json('PATCH', '/monitors/a?etag=e', { grace: '1m' })),
    of(form('PATCH', '/monitors/a?etag=e', 'grace=1m')),
    of(json('PATCH', '/monitors/a', { grace: '1m' }), ' "e" '),
  ];
  for (const { url, recorder } of servers) {
    const call = async ({ method, path, type, body }: RestCall, ifMatch?: string) => {
      const headers = { ...(type && { 'content-type': type }), ...(ifMatch && { 'if-match': ifMatch }) };
      const response = await fetch(url + path, { method, headers, ...(body === undefined ? {} : { body }) });
      return { ...((await response.json()) as object), status: response.status };
    };
    for (const [rest, ifMatch] of withEtag) {
      recorder.calls.length = 0;
      t.match(await call(rest, ifMatch), { status: 200 }, `${rest.method} ${rest.path} ${ifMatch}`);
      t.match(recorder.calls[0]?.request, { monitor: { name: 'a', grace: '1m', etag: 'e' } });
    }
    recorder.calls.length = 0;
    await call(json('PATCH', '/monitors/a?etag=e', { grace: '1m' }));
    t.match(recorder.calls, [{ request: { updateMask: { paths: ['grace'] } } }], 'it is no field to be updated');
    recorder.calls.length = 0;
    t.match(await call(bare('DELETE', '/monitors/a'), '"e"'), { status: 200 });
    t.match(await call(bare('DELETE', '/monitors/a?etag=e')), { status: 200 });
    await call(json('PUT', '/monitors/a', {}));
    t.match(recorder.calls, [
      { request: { etag: 'e' } },
      { request: { etag: 'e' } },
      { request: { monitor: { etag: '' } } },
    ]);

    recorder.calls.length = 0;
    const twice = { status: 400, field: 'etag', message: 'etag: is given more than once' };
    t.match(await call(json('PUT', '/monitors/a?etag=e', { etag: 'f' })), twice);
    t.match(await call(json('PATCH', '/monitors/a', { etag: 'f' }), '"e"'), twice);
    t.match(await call(json('PUT', '/monitors/a?etag=e&etag=f', {})), twice);
    t.match(await call(bare('DELETE', '/monitors/a?etag=f'), '"e"'), twice);
    for (const wrong of ['e', '*', 'W/"e"', '"e", "f"', '"']) {
      const message = `if-match: must be one etag in double quotes; got ${JSON.stringify(wrong)}`;
      t.match(await call(bare('DELETE', '/monitors/a'), wrong), { status: 400, message });
    }
    t.strictSame(recorder.calls, []);
  }
});

t.test('what is wrong is told in the same words, and over REST by the names that its body has', async (t) => {
  for (const { call, request, rest, field, message } of wrong) {
    for (const [index, server] of servers.entries()) {
      server.recorder.calls.length = 0;
      for (const client of Object.values(clients[index]!)) {
        const expected = { code: 'invalid_argument', field, message: `${field}: ${message}` };
        t.strictSame(await toldBy(client[call]!(request)), expected);
      }
      const own = field.replace(/^monitor\./, '');
      for (const one of rest) {
        const expected = { status: 400, code: 'invalid_argument', field: own, message: `${own}: ${message}` };
        t.strictSame(await told(await send(server, one)), expected, `${one.method} ${one.path}`);
      }
      t.strictSame(server.recorder.calls, []);
    }
  }
});

t.test('values that have no type, or the wrong one', async (t) => {
  const cases: [RestCall, number, string | undefined, string][] = [
    [
      bare('GET', '/monitors?statuses=down,nope'),
      400,
      'statuses[1]',
      'must be one of new, up, late, down, paused; got "nope"',
    ],
    [bare('GET', '/monitors?page_size=x'), 400, 'page_size', 'must be a whole number from 0 to 500; got "x"'],
    [
      bare('POST', '/monitors/pause?name=a&until=tomorrow'),
      400,
      'until',
      'must be an RFC 3339 time, such as 2026-01-01T00:00:00Z; got "tomorrow"',
    ],
    [
      bare('POST', '/monitors/pause?name=a&until_next_ping=1'),
      400,
      'until_next_ping',
      'must be true or false; got "1"',
    ],
    [bare('POST', '/apply?dry_run=yes'), 400, 'dry_run', 'must be true or false; got "yes"'],
    [json('PUT', '/monitors/a', { name: 'b' }), 400, 'name', 'must be as in the path, or left out; got "b"'],
    [json('PUT', '/monitors/a', { tags: 'x' }), 400, 'tags', 'must be an array of at most 20 items; got "x"'],
    [
      json('PUT', '/monitors/a', { tags: [1] }),
      400,
      'tags[0]',
      'must be a string of valid Unicode without a comma; got 1',
    ],
    [
      json('PUT', '/monitors/a', { maintenance: [{ start: 5 }] }),
      400,
      'maintenance[0].start',
      'must be an RFC 3339 time, such as 2026-01-01T00:00:00Z; got 5',
    ],
    [
      json('PATCH', '/monitors/a?update_mask=a;b', {}),
      400,
      'update_mask',
      'must be names of fields with commas between them, such as grace,tags; got "a;b"',
    ],
    [
      json('PATCH', '/monitors/a?update_mask=grace&update_mask=tags', {}),
      400,
      'update_mask',
      'is given more than once',
    ],
    [form('PUT', '/monitors/a', 'maintenance=x'), 400, 'maintenance', 'cannot be a parameter: send it in a JSON body'],
    [form('PUT', '/monitors/a', 'frequency=1m&frequency=2m'), 400, 'frequency', 'is given more than once'],
    [bare('PUT', '/monitors/a?monitor=x'), 400, 'monitor', 'cannot be a parameter: send it in a JSON body'],
    [{ method: 'PUT', path: '/monitors/a', type: 'text/yaml', body: 'a: 1' }, 415, undefined, ''],
    [{ method: 'POST', path: '/apply', type: 'text/yaml', body: 'x'.repeat(maxBodyBytes + 1) }, 413, undefined, ''],
  ];
  for (const server of servers) {
    server.recorder.calls.length = 0;
    for (const [call, status, field, message] of cases) {
      const got = await told(await send(server, call));
      t.match(got, { status, field }, `${call.method} ${call.path}`);
      if (field !== undefined) t.equal(got.message, `${field}: ${message}`);
    }
    const zipped = { method: 'POST', headers: { 'content-encoding': 'gzip', 'content-type': 'text/yaml' }, body: 'x' };
    t.match(await told(await fetch(`${server.url}/apply`, zipped)), { status: 415, message: /^content-encoding: / });
    t.strictSame(server.recorder.calls, []);
  }
});

t.test('a Connect GET is read as strictly as a POST', async (t) => {
  const cases: [string, string | undefined][] = [
    ['{"statuses":["down"]}', undefined],
    ['{"statuses":["MONITOR_STATUS_DOWN"],"unknown":1}', undefined],
    ['{"statuses":["down","nope"]}', 'statuses[1]: must be one of new, up, late, down, paused; got "nope"'],
    ['{"order":"nope"}', 'order: must be one of name, name_desc, created, created_desc; got "nope"'],
    ['{"page_size":"x"}', 'page_size: must be a whole number from 0 to 500; got "x"'],
    ['{"tag":"a","tag":"a"}', 'tag: is given more than once'],
    ['[]', 'body: must be a JSON object; got an array'],
  ];
  const path = '/tocsin.v1.MonitorService/ListMonitors';
  for (const server of servers) {
    for (const [text, message] of cases) {
      server.recorder.calls.length = 0;
      const inBase64 = Buffer.from(text).toString('base64url');
      for (const query of [`message=${encodeURIComponent(text)}`, `base64=1&message=${inBase64}`]) {
        const response = await fetch(`${server.url}${path}?connect=v1&encoding=json&${query}`);
        if (message !== undefined) t.match(await told(response), { status: 400, code: 'invalid_argument', message });
        else t.match(await response.json(), { monitors: [{}] });
      }
      if (message === undefined) {
        const statuses = { request: { statuses: [MonitorStatus.DOWN] } };
        t.match(server.recorder.calls, [statuses, statuses]);
      } else t.strictSame(server.recorder.calls, []);
    }
  }
});

t.test('what a handler refuses has its own HTTP status, and the same field', async (t) => {
  const codes: [Code, number][] = [
    [Code.AlreadyExists, 409],
    [Code.Aborted, 409],
    [Code.NotFound, 404],
    [Code.InvalidArgument, 400],
    [Code.Unimplemented, 501],
    [Code.ResourceExhausted, 429],
    [Code.Unavailable, 503],
  ];
  for (const [index, server] of servers.entries()) {
    for (const [code, status] of codes) {
      server.recorder.onCall = () => callError({ code, field: 'monitor.tags[1]', message: 'monitor.tags[1]: 100% no' });
      const own = { code: codeToString(code), field: 'tags[1]', message: 'tags[1]: 100% no' };
      for (const rest of [json('POST', '/monitors', { name: 'a' }), json('PATCH', '/monitors/a', {})]) {
        t.strictSame(await told(await send(server, rest)), { status, ...own });
      }
      for (const client of Object.values(clients[index]!)) {
        const expected = { ...own, field: 'monitor.tags[1]', message: 'monitor.tags[1]: 100% no' };
        t.strictSame(await toldBy(client.createMonitor!({ monitor: { name: 'a' } })), expected);
      }
      const listed = await told(await send(server, bare('GET', '/export')));
      t.match(listed, { status, field: 'monitor.tags[1]' }, 'a call without such a body keeps the path');
    }
    server.recorder.onCall = null;
  }
});

t.test('WatchMonitors streams', async (t) => {
  for (const { url } of servers) {
    const transports = {
      json: createConnectTransport({ baseUrl: url, httpVersion: '1.1', useBinaryFormat: false }),
      binary: createConnectTransport({ baseUrl: url, httpVersion: '2' }),
      grpc: createGrpcTransport({ baseUrl: url }),
    };
    for (const [protocol, transport] of Object.entries(transports)) {
      const events = await Array.fromAsync(createClient(MonitorService, transport).watchMonitors({ tag: 'x' }));
      const shape = [
        { cursor: '1', event: { case: 'snapshot', value: { monitors: [{ name: 'a' }, { name: 'ü/b' }], last: true } } },
        { cursor: '2', event: { case: 'changed', value: { name: 'a', tags: ['x'], failures: 3 } } },
        { cursor: '3', event: { case: 'removed', value: 'ü/b' } },
      ];
      t.match(events, shape, protocol);
      t.equal(events.length, 3);
    }
    const client = createClient(MonitorService, transports.json);
    const refused = await Array.fromAsync(client.watchMonitors({ tag: 'x'.repeat(65) })).catch(ConnectError.from);
    t.match(refused, { code: Code.InvalidArgument, rawMessage: 'tag: must be at most 64 bytes; got 65 bytes' });
  }
  for (const server of servers) await server.close();
});
