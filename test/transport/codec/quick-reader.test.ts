import { create, type DescMessage, type Message } from '@bufbuild/protobuf';
import { ConnectError } from '@connectrpc/connect';
import fc from 'fast-check';
import t from 'tap';
import {
  PingBatchRequestSchema,
  PingRequestSchema,
  PingStreamRequestSchema,
} from '../../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import { ListMonitorsRequestSchema, WatchMonitorsRequestSchema } from '../../../gen/ts/tocsin/v1/monitor_pb.ts';
import { isoTime } from '../../../server/transport/codec/iso-time.ts';
import { parseJsonObject } from '../../../server/transport/codec/json-object.ts';
import { quoteJson } from '../../../server/transport/codec/json-text.ts';
import { MessageReader } from '../../../server/transport/codec/message-reader.ts';
import { quickReader } from '../../../server/transport/codec/quick-reader.ts';
import { readRestRequest } from '../../../server/transport/rest-request.ts';
import { compileTemplate } from '../../../server/transport/rest-template.ts';

/** What the strict reader makes of a query; null when it refuses. */
function strictQuery(query: string, descriptor: DescMessage = PingRequestSchema): Message | null {
  try {
    const shape = { template: compileTemplate('/path', descriptor), bodyField: null, maskField: null, etagField: null };
    const request = { body: undefined, contentType: undefined, contentEncoding: undefined, ifMatch: undefined };
    return readRestRequest(descriptor, shape, { target: `/path?${query}`, ...request });
  } catch (error) {
    if (error instanceof ConnectError) return null;
    throw error;
  }
}

function strictObject(descriptor: DescMessage, object: object): Message | null {
  try {
    const reader = new MessageReader(descriptor);
    reader.setObject(object);
    return reader.finish();
  } catch (error) {
    if (error instanceof ConnectError) return null;
    throw error;
  }
}

const names = [
  'name',
  'frequency',
  'timestamp',
  'grace',
  'status',
  'message',
  'duration',
  'exit_code',
  'exitCode',
  'cron',
];
const lists = ['tags', 'channels', 'body', 'time_zone', 'timeZone'];
const texts = fc.oneof(
  fc.constantFrom(
    'a',
    'a b',
    'é',
    '',
    '10m',
    '1s',
    '0s',
    '5',
    '-1',
    '-0',
    '007',
    'ok',
    'FAIL',
    'BEAT_STATUS_LOG',
    '9',
    '1.5s',
  ),
  fc.constantFrom(
    '1'.repeat(15),
    '1'.repeat(16),
    '1'.repeat(20),
    '2147483647',
    '2147483648',
    '1e3',
    ' 1',
    '\0',
    'a+b',
    '%',
  ),
  fc.string({ maxLength: 8 }),
);
const encoded = texts.chain((text) =>
  fc.constantFrom(encodeURIComponent(text.toWellFormed()), text.replace(/[^\x21-\x24\x27-\x7e]/g, '+'), '%zz', '%ff'),
);
const pair = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(fc.constantFrom(...names, ...lists), encoded).map(([name, value]) => `${name}=${value}`),
  },
  fc.constantFrom('', 'x=1', 'name', '=', '=a', 'n%61me=a', 'run=r=s', 'beat_id=1&beatId=2', 'name=a&name=a'),
);

t.test('what the quick reader reads of a query it reads as the strict one does', async (t) => {
  const { parameters } = quickReader(PingRequestSchema);
  let read = 0;
  fc.assert(
    fc.property(fc.array(pair, { maxLength: 4 }), (pairs) => {
      const query = pairs.join('&');
      const quick = parameters(query);
      if (quick === null) return;
      read += 1;
      t.strictSame({ ...quick }, { ...strictQuery(query) }, query);
    }),
    { numRuns: 2000 },
  );
  t.ok(read > 300, `${read} were read`);
  for (const query of ['name=backup&frequency=10m', 'name=a%20b&frequency=1h&status=fail&timestamp=5&exit_code=-3']) {
    t.ok(parameters(query), 'usual ones are read');
  }
  const lists: [DescMessage, string][] = [
    [PingRequestSchema, 'name=a&frequency=1h&tags=x,%C3%BC+y&channels=ops,+day'],
    [PingRequestSchema, 'tags=&channels='],
    [PingRequestSchema, `tags=${'x,'.repeat(50)}`],
    [ListMonitorsRequestSchema, 'statuses=down,late&page_size=5&order=created'],
    [ListMonitorsRequestSchema, 'statuses='],
    [WatchMonitorsRequestSchema, 'beats=true'],
  ];
  for (const [descriptor, query] of lists) {
    const quick = quickReader(descriptor).parameters(query);
    t.ok(quick, query);
    t.strictSame({ ...quick }, { ...strictQuery(query, descriptor) }, query);
  }
  for (const query of ['tags=a&tags=b', 'statuses=down,nope', 'pings=', 'beats=1']) {
    for (const descriptor of [PingRequestSchema, ListMonitorsRequestSchema, PingBatchRequestSchema]) {
      const quick = quickReader(descriptor).parameters(query);
      t.equal(quick, null, `${query} is for the strict reader`);
    }
  }
});

t.test('and so with JSON', async (t) => {
  const value = fc.oneof(texts, fc.constantFrom(null, true, 0, -1, 1.5, 2 ** 31, 2 ** 53, -0, [], {}, ['a'], { a: 1 }));
  const ping = fc.dictionary(fc.constantFrom(...names, ...lists, 'beatId', 'beat_id', 'x', '__proto__'), value, {
    maxKeys: 5,
  });
  let read = 0;
  const compare = (descriptor: DescMessage, object: object): void => {
    const quick = quickReader(descriptor).object(object);
    if (quick === null) return;
    read += 1;
    t.strictSame({ ...quick }, { ...strictObject(descriptor, object) }, JSON.stringify(object));
  };
  fc.assert(
    fc.property(ping, fc.array(ping, { maxLength: 3 }), (one, many) => {
      compare(PingRequestSchema, one);
      compare(PingBatchRequestSchema, { pings: many });
      compare(PingStreamRequestSchema, { seq: one.timestamp, ping: one });
    }),
    { numRuns: 1000 },
  );
  t.ok(read > 300, `${read} were read`);
  const first = quickReader(PingBatchRequestSchema).object({}) as unknown as { pings: unknown[] };
  first.pings.push(1);
  t.strictSame(
    { ...quickReader(PingBatchRequestSchema).object({}) },
    { ...create(PingBatchRequestSchema) },
    'nothing shared',
  );
});

t.test('keys that come twice', async (t) => {
  const good = [
    '{}',
    '{"a":":","b":{"a":1},"c":[{"a":"\\":\\\\"},{"a":2}]}',
    '{"__proto__":{"a":1},"\\u0061":1}',
    '{"":0}',
  ];
  for (const text of good) t.strictSame(parseJsonObject(text), JSON.parse(text));
  for (const text of [
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":1}',
    '{"b":[{"a":{},"a":null}]}',
    '{"a":{"x":1,"x":2},"a":3}',
  ]) {
    t.throws(() => parseJsonObject(text), /is given more than once/);
  }
  fc.assert(
    fc.property(fc.jsonValue(), (value) =>
      t.strictSame(parseJsonObject(JSON.stringify({ value })), JSON.parse(JSON.stringify({ value }))),
    ),
  );
});

t.test('text in JSON', async (t) => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => t.equal(quoteJson(text), JSON.stringify(text))));
  for (const text of ['"', '\\', '\x7f', '\ud800', '\udc00', '😀', '\u2028', '\x1f']) {
    t.equal(quoteJson(text), JSON.stringify(text));
  }
  fc.assert(
    fc.property(fc.integer({ min: -1e12, max: 254e12 }), (ms) => t.equal(isoTime(ms), new Date(ms).toISOString())),
    { numRuns: 300 },
  );
  for (const ms of [-1, 0, 999, 1000, 951782399999, 951782400000, 253402300799999, 253402300800000]) {
    t.equal(isoTime(ms), new Date(ms).toISOString());
  }
});
