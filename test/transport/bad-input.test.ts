import { fromJson, type JsonObject } from '@bufbuild/protobuf';
import { ConnectError, createClient } from '@connectrpc/connect';
import { codeToString } from '@connectrpc/connect/protocol-connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import fc from 'fast-check';
import t from 'tap';
import { HeartbeatService, PingRequestSchema } from '../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import { fieldOf } from '../../server/service/call-error.ts';
import { serveRecorder } from './serve-recorder.ts';

type Outcome = { status: number; code: string; field: string | undefined; message: string };

const server = await serveRecorder({ maxBodyBytes: 65536 });
const grpcTransport = createGrpcTransport({ baseUrl: server.url });
const grpc = createClient(HeartbeatService, grpcTransport);

async function outcomeOf(response: Response): Promise<Outcome> {
  const { code, message, field, details } = (await response.json()) as {
    code: string;
    message: string;
    field?: string;
    details?: { debug: { fieldViolations: { field: string }[] } }[];
  };
  return { status: response.status, code, message, field: field ?? details?.[0]?.debug.fieldViolations[0]?.field };
}

/** `String` fails on `{"toString":0}`, which generated JSON does hold. */
function asText(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

async function overQuery(request: JsonObject): Promise<Outcome> {
  const query = new URLSearchParams(Object.entries(request).map(([name, value]) => [name, asText(value)]));
  return outcomeOf(await fetch(`${server.url}/ping?${query}`));
}

async function overForm(request: JsonObject): Promise<Outcome> {
  const body = new URLSearchParams(Object.entries(request).map(([name, value]) => [name, asText(value)]));
  return outcomeOf(await fetch(`${server.url}/ping`, { method: 'POST', body }));
}

async function overJson(body: string | Uint8Array<ArrayBuffer>, path = '/ping'): Promise<Outcome> {
  const headers = { 'content-type': 'application/json' };
  return outcomeOf(await fetch(server.url + path, { method: 'POST', headers, body }));
}

const connectPath = '/tocsin.v1.HeartbeatService/Ping';

async function overGrpc(request: JsonObject): Promise<Outcome> {
  try {
    await grpc.ping(fromJson(PingRequestSchema, request));
    return { status: 200, code: 'ok', field: undefined, message: '' };
  } catch (reason) {
    const error = ConnectError.from(reason);
    return { status: 400, code: codeToString(error.code), field: fieldOf(error), message: error.rawMessage };
  }
}

const good = { name: 'backup', frequency: '10m' };
const frequencyText = 'must be a whole number and one of W, D, h, m, s, such as 10m, from 1s to 366D';

const table: { request: JsonObject; field: string; says: RegExp }[] = [
  { request: { frequency: '10m' }, field: 'name', says: /^name: is required$/ },
  { request: { name: '', frequency: '10m' }, field: 'name', says: /^name: is required$/ },
  { request: { ...good, name: 'x'.repeat(257) }, field: 'name', says: /at most 256 bytes; got 257 bytes/ },
  { request: { ...good, name: 'é'.repeat(129) }, field: 'name', says: /at most 256 bytes; got 258 bytes/ },
  { request: { ...good, name: 'a\0b' }, field: 'name', says: /^name: must not hold a NUL character$/ },
  { request: { ...good, message: 'a\0' }, field: 'message', says: /NUL/ },
  ...['10x', '10M', '10', 'm', '1.5h', '10ms', ' 10m', '10m ', '0s', '-5m', '+5m', '10m\n'].map((frequency) => ({
    request: { ...good, frequency },
    field: 'frequency',
    says: new RegExp(`^frequency: ${frequencyText}; got `),
  })),
  { request: { ...good, frequency: `${'1'.repeat(20)}m` }, field: 'frequency', says: /at most 16 bytes/ },
  { request: { ...good, grace: '' }, field: 'grace', says: /from 0s to 366D; got ""$/ },
  { request: { ...good, grace: '5' }, field: 'grace', says: /got "5"$/ },
  { request: { ...good, timestamp: -1 }, field: 'timestamp', says: /got -1$/ },
  {
    request: { ...good, status: 99 },
    field: 'status',
    says: /must be one of ok, start, fail, log, keep_alive; got 99$/,
  },
  { request: { ...good, duration: '-1s' }, field: 'duration', says: /from 0s to 366 days$/ },
  { request: { ...good, duration: '31622401s' }, field: 'duration', says: /from 0s to 366 days$/ },
  { request: { ...good, message: 'x'.repeat(10001) }, field: 'message', says: /at most 10000 bytes; got 10001 bytes/ },
  { request: { ...good, run: 'r'.repeat(65) }, field: 'run', says: /at most 64 bytes/ },
  { request: { ...good, beat_id: 'r'.repeat(65) }, field: 'beat_id', says: /at most 64 bytes/ },
];

t.test('the same request is refused in the same way on every protocol', async (t) => {
  for (const { request, field, says } of table) {
    const outcomes = {
      query: await overQuery(request),
      form: await overForm(request),
      rest: await overJson(JSON.stringify(request)),
      connect: await overJson(JSON.stringify(request), connectPath),
      grpc: await overGrpc(request),
    };
    for (const [protocol, outcome] of Object.entries(outcomes)) {
      t.match(outcome, { status: 400, code: 'invalid_argument', field, message: says }, `${field} over ${protocol}`);
      t.equal(outcome.message, outcomes.grpc.message, 'in the same words');
    }
  }
});

t.test('values that do not fit their field', async (t) => {
  const seconds = 'must be a whole number of Unix seconds, such as 1767225600; got';
  const overParameters: [string, string, string][] = [
    ['timestamp', '', `timestamp: ${seconds} ""`],
    ['timestamp', '1.5', `timestamp: ${seconds} "1.5"`],
    ['timestamp', '1e9', `timestamp: ${seconds} "1e9"`],
    ['timestamp', '0x10', `timestamp: ${seconds} "0x10"`],
    ['timestamp', ' 1', `timestamp: ${seconds} " 1"`],
    ['timestamp', '9223372036854775808', `timestamp: ${seconds} "9223372036854775808"`],
    ['timestamp', '1'.repeat(100), `timestamp: ${seconds} "${'1'.repeat(64)}…"`],
    ['exit_code', '', 'exit_code: must be a whole number from -2147483648 to 2147483647; got ""'],
    ['exit_code', '2147483648', 'exit_code: must be a whole number from -2147483648 to 2147483647; got "2147483648"'],
    ['status', '', 'status: must be one of ok, start, fail, log, keep_alive; got ""'],
    ['status', 'fial', 'status: must be one of ok, start, fail, log, keep_alive; got "fial"'],
    ['duration', '5', 'duration: must be a number of seconds with an s, such as 1.5s, from 0s to 366 days; got "5"'],
  ];
  for (const [field, value, message] of overParameters) {
    const expected = { status: 400, code: 'invalid_argument', field, message };
    t.strictSame(await overQuery({ ...good, [field]: value }), expected);
    t.strictSame(await overForm({ ...good, [field]: value }), expected);
    t.strictSame(await overJson(JSON.stringify({ ...good, [field]: value })), expected);
    t.strictSame(await overJson(JSON.stringify({ ...good, [field]: value }), connectPath), expected);
  }
  const inJson: [string, string, RegExp][] = [
    ['timestamp', '1.5', /got 1.5$/],
    ['timestamp', '9007199254740993', /got 9007199254740992$/],
    ['timestamp', 'true', /got true$/],
    ['timestamp', '[1]', /got an array$/],
    ['name', '5', /must be a string of valid Unicode; got 5$/],
    ['name', '"\\ud800"', /must be a string of valid Unicode/],
    ['name', '{"a":1}', /got an object$/],
    ['status', '1.5', /must be one of/],
    ['duration', '5', /must be a number of seconds/],
  ];
  for (const [field, value, says] of inJson) {
    const body = JSON.stringify({ ...good, [field]: '@' }).replace('"@"', value);
    for (const path of ['/ping', connectPath]) {
      t.match(await overJson(body, path), { status: 400, code: 'invalid_argument', field, message: says }, body);
    }
  }
});

t.test('a field given twice', async (t) => {
  const twice = (field: string) => ({
    status: 400,
    code: 'invalid_argument',
    field,
    message: `${field}: is given more than once`,
  });
  const get = async (query: string): Promise<Outcome> => outcomeOf(await fetch(`${server.url}/ping?${query}`));
  t.strictSame(await get('name=a&frequency=1m&name=a'), twice('name'));
  t.strictSame(await get('name=a&frequency=1m&beat_id=1&beatId=1'), twice('beat_id'));
  const post = (query: string, body: string, type: string) =>
    fetch(`${server.url}/ping?${query}`, { method: 'POST', body, headers: { 'content-type': type } }).then(outcomeOf);
  t.strictSame(await post('name=a', 'name=a&frequency=1m', 'application/x-www-form-urlencoded'), twice('name'));
  t.strictSame(await post('name=a', '{"name":"b","frequency":"1m"}', 'application/json'), twice('name'));
  t.strictSame(await post('name=a', '{"name":null,"frequency":"1m"}', 'application/json'), twice('name'));
  for (const path of ['/ping', connectPath]) {
    t.strictSame(await overJson('{"name":"a","frequency":"1m","name":"a"}', path), twice('name'));
    t.strictSame(await overJson('{"name":"a","frequency":"1m","exit_code":1,"exitCode":1}', path), twice('exit_code'));
  }
  const path = await fetch(`${server.url}/ping/a?name=b`, { method: 'DELETE' });
  t.strictSame(await outcomeOf(path), twice('name'));
});

t.test('bodies that are not what they should be', async (t) => {
  for (const path of ['/ping', connectPath]) {
    for (const [body, message] of [
      ['{"name":', /^body: is not valid JSON/],
      ['[]', /^body: must be a JSON object; got an array$/],
      ['"x"', /^body: must be a JSON object; got "x"$/],
      ['null', /^body: must be a JSON object; got null$/],
      ['{"name":"a"}}', /^body: is not valid JSON/],
    ] as const) {
      t.match(await overJson(body, path), { status: 400, code: 'invalid_argument', message }, `${path} ${body}`);
    }
    const latin1 = Uint8Array.from(Buffer.from('{"name":"\xff","frequency":"1m"}', 'latin1'));
    t.match(await overJson(latin1, path), {
      status: 400,
      code: 'invalid_argument',
      message: 'body: is not valid UTF-8',
    });
    const large = JSON.stringify({ ...good, message: 'x'.repeat(70_000) });
    const status = path === '/ping' ? 413 : 429;
    t.match(await overJson(large, path), { status, code: 'resource_exhausted', message: /^body: / });
  }
  const post = (body: string, headers: Record<string, string>) =>
    fetch(`${server.url}/ping`, { method: 'POST', body, headers }).then(outcomeOf);
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  t.match(await post('{"name":"a"}', form), { status: 400, message: /looks like JSON/ });
  t.match(await post('name=%zz&frequency=1m', form), {
    status: 400,
    field: 'name',
    message: 'name: holds invalid percent-encoding',
  });
  t.match(await post('name=a', { 'content-type': 'text/plain' }), {
    status: 415,
    message: /^content-type: must be application\/json or /,
  });
  t.match(await post('name=a', { 'content-type': 'multipart/form-data; boundary=x' }), { status: 415 });
  t.match(await post('{}', { 'content-type': 'application/json; charset=latin1' }), { status: 415 });
  t.match(await post('{}', { 'content-type': 'rubbish' }), { status: 415, code: 'invalid_argument' });
  t.match(await post('{}', { 'content-type': 'application/json', 'content-encoding': 'gzip' }), {
    status: 415,
    message: /^content-encoding/,
  });
});

t.test('requests in binary that are not valid', async (t) => {
  const badName = new Uint8Array([0x0a, 0x01, 0xff, 0x12, 0x02, 0x31, 0x6d]);
  const truncated = new Uint8Array([0x0a, 0x7f, 0x61]);
  for (const [bytes, message] of [
    [badName, /^request: is not valid protobuf: a string is not valid UTF-8$/],
    [truncated, /^request: is not valid protobuf: /],
  ] as const) {
    const headers = { 'content-type': 'application/proto' };
    const connect = await fetch(server.url + connectPath, { method: 'POST', headers, body: bytes });
    t.match(await outcomeOf(connect), { status: 400, code: 'invalid_argument', message });
    const frame = Buffer.concat([Buffer.from([0, 0, 0, 0, bytes.length]), bytes]);
    const web = await fetch(server.url + connectPath, {
      method: 'POST',
      headers: { 'content-type': 'application/grpc-web+proto' },
      body: frame,
    });
    const trailers =
      Buffer.from(await web.arrayBuffer()).toString() + [...web.headers].map((pair) => pair.join(': ')).join('\n');
    t.match(trailers, /grpc-status: 3/, 'INVALID_ARGUMENT');
  }
});

t.test('whatever comes is answered, and never with a fault', async (t) => {
  const value = fc.oneof(fc.string({ unit: 'binary' }), fc.double(), fc.bigInt(), fc.jsonValue(), fc.constant(null));
  const name = fc.oneof(
    fc.constantFrom(...PingRequestSchema.fields.map((field) => field.name), '__proto__', 'constructor'),
  );
  const target = fc.oneof(name, fc.string()).chain((key) => fc.record({ key: fc.constant(key), value }));
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(target, { maxLength: 5 }), async (pairs) => {
      // `name` stays out, so nothing can be accepted.
      const given = pairs.filter(({ key }) => key !== 'name');
      const query = given.map(({ key, value }) => `${encodeURIComponent(key)}=${encodeURIComponent(String(value))}`);
      const json = JSON.stringify(Object.fromEntries(given.map(({ key, value }) => [key, value])), (_key, each) =>
        typeof each === 'bigint' ? Number(each) : each,
      );
      for (const outcome of [
        await outcomeOf(await fetch(`${server.url}/ping?${query.join('&')}`)),
        await overJson(json),
        await overJson(json, connectPath),
      ]) {
        refused += 1;
        if (outcome.status !== 400) throw new Error(`${JSON.stringify(outcome)} for ${json}`);
      }
    }),
    { numRuns: 40 },
  );
  t.ok(refused >= 120, 'forty times three requests');
});

t.test('nothing of all this reached a handler, and nothing was logged as a fault', async (t) => {
  t.strictSame(server.recorder.pings, []);
  t.strictSame(server.logs, []);
  await server.close();
});
