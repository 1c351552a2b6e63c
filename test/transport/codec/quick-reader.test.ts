import { create, type DescMessage, type Message } from '@bufbuild/protobuf';
import { ConnectError } from '@connectrpc/connect';
import fc from 'fast-check';
import t from 'tap';
import {
  PingBatchRequestSchema,
  PingRequestSchema,
  PingStreamRequestSchema,
  RemoveRequestSchema,
} from '../../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import { ListMonitorsRequestSchema } from '../../../gen/ts/tocsin/v1/monitor_pb.ts';
import { compileRules } from '../../../server/service/native-rules.ts';
import { RequestValidator } from '../../../server/service/request-validator.ts';
import { isoTime } from '../../../server/transport/codec/iso-time.ts';
import { parseJsonObject } from '../../../server/transport/codec/json-object.ts';
import { quoteJson } from '../../../server/transport/codec/json-text.ts';
import { MessageReader } from '../../../server/transport/codec/message-reader.ts';
import { quickReader } from '../../../server/transport/codec/quick-reader.ts';
import { readRestRequest } from '../../../server/transport/rest-request.ts';
import { compileTemplate } from '../../../server/transport/rest-template.ts';

const template = compileTemplate('/ping', PingRequestSchema);

/** What the strict reader makes of a query; null when it refuses. */
function strictQuery(query: string): Message | null {
  try {
    const target = `/ping?${query}`;
    const body = undefined;
    return readRestRequest(
      PingRequestSchema,
      { template, bodyField: null },
      {
        target,
        body,
        contentType: undefined,
        contentEncoding: undefined,
      },
    );
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

const names = ['name', 'frequency', 'timestamp', 'grace', 'status', 'message', 'duration', 'exit_code', 'exitCode'];
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
  { weight: 8, arbitrary: fc.tuple(fc.constantFrom(...names), encoded).map(([name, value]) => `${name}=${value}`) },
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
});

t.test('and so with JSON', async (t) => {
  const value = fc.oneof(texts, fc.constantFrom(null, true, 0, -1, 1.5, 2 ** 31, 2 ** 53, -0, [], {}, ['a'], { a: 1 }));
  const ping = fc.dictionary(fc.constantFrom(...names, 'beatId', 'beat_id', 'x', '__proto__'), value, { maxKeys: 5 });
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

t.test('compiled rules and protovalidate agree', async (t) => {
  const validator = new RequestValidator();
  const text = fc.oneof(
    texts,
    fc.constantFrom('x'.repeat(64), 'x'.repeat(65), 'é'.repeat(128), 'é'.repeat(129), '\ud800', '366D', '10x', '10m\n'),
    fc.nat(10_100).map((length) => 'm'.repeat(length)),
  );
  const span = fc.constantFrom(
    ...[-1n, 0n, 31622400n, 31622401n, 2n ** 62n].map((seconds) => ({ seconds, nanos: 0 })),
    ...[-1, 1, 999_999_999].map((nanos) => ({ seconds: 0n, nanos })),
    { seconds: 31622399n, nanos: 1 },
    { seconds: 31622400n, nanos: 1 },
  );
  const pings = fc
    .record(
      {
        name: fc.oneof(fc.constant('a'), text),
        frequency: fc.oneof(fc.constantFrom('1m', '10m', '0m', '99999999999D'), text),
        timestamp: fc.bigInt(-2n, 5n),
        grace: fc.oneof(fc.constant('0s'), text),
        status: fc.integer({ min: -1, max: 6 }),
        message: text,
        duration: span,
        exitCode: fc.integer(),
        run: text,
        beatId: text,
      },
      { requiredKeys: ['name', 'frequency'] },
    )
    .map((init) => create(PingRequestSchema, init as never));
  const counts = { valid: 0, invalid: 0 };
  const compare = (schema: DescMessage, message: Message): void => {
    const native = compileRules(schema);
    if (native === null) throw new Error(`${schema.typeName} has rules that are not compiled`);
    const valid = validator.explain(schema, message) === null;
    counts[valid ? 'valid' : 'invalid'] += 1;
    t.equal(
      native(message),
      valid,
      JSON.stringify(message, (_, each) => (typeof each === 'bigint' ? `${each}` : each)),
    );
    t.equal(validator.check(schema, message) === null, valid);
  };
  fc.assert(
    fc.property(pings, (ping) => {
      compare(PingRequestSchema, ping);
      compare(RemoveRequestSchema, create(RemoveRequestSchema, { name: ping.name }));
      compare(PingStreamRequestSchema, create(PingStreamRequestSchema, { ping }));
      const pageSize = Number((ping.timestamp ?? 0n) + 499n);
      compare(ListMonitorsRequestSchema, create(ListMonitorsRequestSchema, { pageSize, pageToken: ping.message }));
    }),
    { numRuns: 200 },
  );
  for (const length of [0, 1, 1000, 1001]) {
    compare(PingBatchRequestSchema, create(PingBatchRequestSchema, { pings: Array.from({ length }, () => ({})) }));
  }
  const improper = { name: 'a', frequency: '1m', duration: { seconds: 1n, nanos: -1 } };
  t.notOk(compileRules(PingRequestSchema)?.(create(PingRequestSchema, improper)), 'left to protovalidate');
  t.ok(counts.valid > 200 && counts.invalid > 200, JSON.stringify(counts));
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
