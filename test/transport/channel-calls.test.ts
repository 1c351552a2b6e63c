import { getOption, type Message, toJson } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import t from 'tap';
import { http } from '../../gen/ts/google/api/annotations_pb.ts';
import { ChannelOrigin, ChannelService, CircuitState } from '../../gen/ts/tocsin/v1/channel_pb.ts';
import { bindService, type ServiceHandlers } from '../../server/service/service-handlers.ts';
import { restJson } from '../../server/transport/codec/rest-json.ts';
import { bare, clientsOf, json, type RestCall, send, told, toldBy } from './every-client.ts';
import { serveRecorder } from './serve-recorder.ts';

// Every call of ChannelService, over REST, Connect (JSON and binary) and gRPC, past the lanes and through them.

type Call = keyof typeof ChannelService.method;

const nov22 = timestampFromDate(new Date('2026-11-22T00:00:00Z'));
const url = 'https://a.example/***';
const channel = {
  name: 'ops',
  kind: { case: 'webhook' as const, value: { url, headers: { 'x-key': '***', 'Ü "q"': '' } } },
  concurrency: 8,
  origin: ChannelOrigin.API,
  createdAt: nov22,
  state: { circuit: CircuitState.OPEN, retryAt: nov22, pending: 7n },
};
const mail = { host: 'a', port: 25, from: 'a@b', to: ['c@d', 'e@f'] };

const calls: { call: string; request: Message }[] = [];
const answers: { [K in Call]: Awaited<ReturnType<ServiceHandlers<typeof ChannelService>[K]>> } = {
  listChannels: { channels: [channel, { name: 'log', kind: { case: 'log', value: {} } }] },
  getChannel: { channel },
  createChannel: { channel },
  upsertChannel: { channel, created: true },
  updateChannel: { channel },
  deleteChannel: { name: 'ops' },
  testChannel: { ok: false, reason: 'dns', latencySeconds: 0.25, httpStatus: 0 },
};
const handlers = Object.fromEntries(
  Object.entries(answers).map(([call, answer]) => [
    call,
    async (request: Message) => {
      calls.push({ call, request });
      return answer;
    },
  ]),
) as unknown as ServiceHandlers<typeof ChannelService>;
const services = [bindService(ChannelService, handlers)];
const servers = [await serveRecorder({ services }), await serveRecorder({ services, lanes: [] })];
const clients = servers.map((server) => clientsOf(ChannelService, server));
t.teardown(() => Promise.all(servers.map((server) => server.close())));

type Row = { call: Call; request: object; rest: RestCall[] };

const rows: Row[] = [
  { call: 'listChannels', request: {}, rest: [bare('GET', '/channels')] },
  ...['test', 'a.b_c-D', '-', 'channels', '0'].flatMap((name): Row[] => [
    { call: 'getChannel', request: { name }, rest: [bare('GET', `/channels/${name}`)] },
    { call: 'deleteChannel', request: { name, etag: 'e' }, rest: [bare('DELETE', `/channels/${name}?etag=e`)] },
    {
      call: 'updateChannel',
      request: { channel: { name, concurrency: 2 }, updateMask: { paths: ['concurrency'] } },
      rest: [json('PATCH', `/channels/${name}`, { concurrency: 2 })],
    },
    {
      call: 'upsertChannel',
      request: { channel: { name, kind: { case: 'email', value: mail }, etag: 'e' } },
      rest: [json('PUT', `/channels/${name}?etag=e`, { webhook: null, email: mail, log: null, state: null })],
    },
  ]),
  {
    call: 'createChannel',
    request: { channel: { name: 'a', kind: { case: 'webhook', value: { url, headers: { 'x-a': '1', b: '' } } } } },
    rest: [json('POST', '/channels', { name: 'a', webhook: { url, headers: { 'x-a': '1', b: '' }, body: null } })],
  },
  {
    call: 'updateChannel',
    request: {
      channel: { name: 'a', kind: { case: 'log', value: {} } },
      updateMask: { paths: ['slack', 'log'] },
    },
    rest: [json('PATCH', '/channels/a', { slack: null, log: {} })],
  },
  { call: 'testChannel', request: { name: 'test' }, rest: [json('POST', '/channels/test', { name: 'test' })] },
];

const plain = (request: Message | undefined): unknown =>
  request && toJson(ChannelService.method[calls[0]!.call as Call].input, request as never);

t.test('every call reaches its handler with the same message, and its answer comes back', async (t) => {
  for (const { call, request, rest } of rows) {
    const method = ChannelService.method[call];
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
  t.strictSame([...new Set(rows.map(({ call }) => call))].sort(), Object.keys(ChannelService.method).sort());
});

type Wrong = { request: object; rest: object; field: string; message: string };

const tooMany = Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`h${index}`, 'x']));
const webhook = (value: object) => ({ kind: { case: 'webhook', value } });
const wrong: Wrong[] = [
  { request: webhook({}), rest: { webhook: {} }, field: 'webhook.url', message: 'is required' },
  {
    request: webhook({ url: 'x'.repeat(4_097) }),
    rest: { webhook: { url: 'x'.repeat(4_097) } },
    field: 'webhook.url',
    message: 'must be at most 4096 bytes; got 4097 bytes',
  },
  {
    request: webhook({ url, method: 'HEAD' }),
    rest: { webhook: { url, method: 'HEAD' } },
    field: 'webhook.method',
    message: 'must be GET, POST, PUT, PATCH or DELETE; got "HEAD"',
  },
  {
    request: webhook({ url, headers: tooMany }),
    rest: { webhook: { url, headers: tooMany } },
    field: 'webhook.headers',
    message: 'must be an object of at most 20 fields',
  },
  {
    request: webhook({ url, headers: { 'x-key': 'a\0b' } }),
    rest: { webhook: { url, headers: { 'x-key': 'a\0b' } } },
    field: 'webhook.headers["x-key"]',
    message: 'must not hold a NUL character',
  },
  {
    request: { kind: { case: 'email', value: { ...mail, to: ['a@b', ''] } } },
    rest: { email: { ...mail, to: ['a@b', ''] } },
    field: 'email.to[1]',
    message: 'must not be empty',
  },
  {
    request: { kind: { case: 'ntfy', value: { topic: 'a b' } } },
    rest: { ntfy: { topic: 'a b' } },
    field: 'ntfy.topic',
    message: 'must be 1 to 64 letters, digits, underscores and hyphens; got "a b"',
  },
  {
    request: { concurrency: 33 },
    rest: { concurrency: 33 },
    field: 'concurrency',
    message: 'must be a whole number from 0 to 32; got 33',
  },
];

t.test('what is wrong is told in the same words, and over REST by the names that its body has', async (t) => {
  for (const { request, rest, field, message } of wrong) {
    for (const [index, server] of servers.entries()) {
      calls.length = 0;
      for (const client of Object.values(clients[index]!)) {
        const path = `channel.${field}`;
        const expected = { code: 'invalid_argument', field: path, message: `${path}: ${message}` };
        t.strictSame(await toldBy(client.upsertChannel!({ channel: { name: 'a', ...request } })), expected);
      }
      const expected = { status: 400, code: 'invalid_argument', field, message: `${field}: ${message}` };
      t.strictSame(await told(await send(server, json('PUT', '/channels/a', rest))), expected, field);
      t.strictSame(calls, []);
    }
  }
});

t.test('two kinds, or a secret that is no text, are refused; what was given is not repeated', async (t) => {
  const bodies: [object, string, string][] = [
    [{ slack: { url }, log: {} }, 'log', 'cannot be given together with slack'],
    [{ slack: { url: 12345678 } }, 'slack.url', 'must be a string of valid Unicode'],
    [{ slack: 'https://hooks.example/T/secret' }, 'slack', 'must be an object'],
    [
      { webhook: { url, headers: { 'x-key': 12345678 } } },
      'webhook.headers["x-key"]',
      'must be a string of valid Unicode',
    ],
    [{ alertmanager: { urls: [12345678] } }, 'alertmanager.urls[0]', 'must be a string of valid Unicode'],
  ];
  for (const [body, field, message] of bodies) {
    for (const server of servers) {
      const rest = await told(await send(server, json('PUT', '/channels/a', body)));
      t.strictSame(rest, { status: 400, code: 'invalid_argument', field, message: `${field}: ${message}` });
      const path = '/tocsin.v1.ChannelService/UpsertChannel';
      const connect = await told(await send(server, json('POST', path, { channel: { name: 'a', ...body } })));
      t.match(connect, { status: 400, message: `channel.${field}: ${message}` });
    }
  }
});
