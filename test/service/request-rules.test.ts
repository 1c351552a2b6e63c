import { create, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import fc from 'fast-check';
import t from 'tap';
import { PingBatchRequestSchema, PingRequestSchema } from '../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import {
  ApplyMonitorsRequestSchema,
  CreateMonitorRequestSchema,
  ExportMonitorsRequestSchema,
  ListMonitorsRequestSchema,
  ListUptimesRequestSchema,
} from '../../gen/ts/tocsin/v1/monitor_pb.ts';
import { fieldOf } from '../../server/service/call-error.ts';
import { compileRules } from '../../server/service/native-rules.ts';
import { RequestValidator } from '../../server/service/request-validator.ts';
import { allMessages, initShapes } from '../transport/codec/init-shapes.ts';

const validator = new RequestValidator();

const texts = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('a', 'b', '1m', '10m', '0s') },
  fc.constantFrom('', 'a,b', 'a\0b', '0m', '10x', '10m\n', '366D', '99999999999D', '\ud800', 'yaml', 'json', 'YAML'),
  fc.constantFrom(...[16, 17, 36, 37, 64, 65, 256, 257, 1000, 1001].map((length) => 'x'.repeat(length))),
  fc.constantFrom('é'.repeat(32), 'é'.repeat(33), 'é'.repeat(128), 'é'.repeat(129)),
  fc.nat(10_100).map((length) => 'm'.repeat(length)),
);
const numbers = fc.constantFrom(0, 0, 1, 7, 10, 11, 30, 90, 91, 365, 400, 401, 500, 501, 10_000, 10_001, 2 ** 31);
const span = fc.constantFrom(
  ...[-1n, 0n, 31622400n, 31622401n, 2n ** 62n].map((seconds) => ({ seconds, nanos: 0 })),
  ...[-1, 1, 999_999_999].map((nanos) => ({ seconds: 0n, nanos })),
  { seconds: 31622399n, nanos: 1 },
  { seconds: 31622400n, nanos: 1 },
);

/** Messages of which many keep the rules and many break one. */
function nearlyValid(descriptor: DescMessage): fc.Arbitrary<object> {
  if (descriptor.typeName === 'google.protobuf.Duration') return span;
  const members: Record<string, fc.Arbitrary<unknown>> = {};
  for (const field of descriptor.fields) {
    const one = field.message
      ? fc.option(nearlyValid(field.message), { nil: undefined, freq: 9 })
      : field.enum
        ? fc.integer({ min: -1, max: 6 })
        : typeof field.scalar === 'number'
          ? scalars[field.scalar]
          : undefined;
    if (one === undefined) continue;
    const items = field.message ? nearlyValid(field.message) : one;
    members[field.localName] = field.fieldKind === 'list' ? lists(items) : one;
  }
  return fc.record(members, {
    requiredKeys: descriptor.fields.filter(({ name }) => name === 'name').map(() => 'name'),
  });
}

const lists = (items: fc.Arbitrary<unknown>): fc.Arbitrary<unknown[]> =>
  fc.oneof(
    { weight: 8, arbitrary: fc.array(items, { maxLength: 2 }) },
    { weight: 1, arbitrary: items.chain((item) => fc.nat(22).map((length) => Array.from({ length }, () => item))) },
  );

/** By ScalarType, those that the contract has. */
const scalars: Record<number, fc.Arbitrary<unknown>> = {
  1: fc.double(),
  3: fc.bigInt(-2n, 5n),
  4: fc.bigInt(0n, 5n),
  5: fc.integer(),
  8: fc.boolean(),
  9: texts,
  12: fc.uint8Array({ maxLength: 3 }),
  13: numbers,
};

const shown = (value: unknown): string =>
  JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? `${each}` : each)).slice(0, 500);

t.test('compiled rules and protovalidate agree on every message of the contract', async (t) => {
  const counts = { valid: 0, invalid: 0 };
  for (const descriptor of allMessages) {
    const native = compileRules(descriptor);
    // Answers may have oneofs; no request does.
    if (native === null) t.notMatch(descriptor.typeName, /^tocsin\.v1\.\w+Request$/);
    fc.assert(
      fc.property(nearlyValid(descriptor), (shape) => {
        const message = create(descriptor, shape as never);
        const valid = validator.explain(descriptor, message) === null;
        counts[valid ? 'valid' : 'invalid'] += 1;
        const agreed = native === null ? valid : native(message);
        if (agreed !== valid || (validator.check(descriptor, message) === null) !== valid) {
          throw new Error(`${descriptor.typeName} ${shown(message)}: ${agreed}, should be ${valid}`);
        }
      }),
      { numRuns: descriptor.typeName.endsWith('Request') ? 300 : 40 },
    );
    // Whatever comes: what the compiled rules let pass is valid.
    fc.assert(
      fc.property(initShapes(descriptor), (shape) => {
        const message = create(descriptor, shape as never);
        if (native?.(message) && validator.explain(descriptor, message) !== null) throw new Error(shown(message));
      }),
      { numRuns: 60 },
    );
  }
  t.ok(counts.valid > 1000 && counts.invalid > 1000, JSON.stringify(counts));
  for (const length of [0, 1, 1000, 1001]) {
    const batch = create(PingBatchRequestSchema, { pings: Array.from({ length }, () => ({})) });
    t.equal(validator.check(PingBatchRequestSchema, batch) === null, length > 0 && length < 1001);
  }
  const long = create(CreateMonitorRequestSchema, {
    monitor: { name: 'a', tags: Array.from({ length: 5000 }, () => ''), maintenance: [{}] },
  });
  t.ok(validator.check(CreateMonitorRequestSchema, long));
  t.equal(long.monitor!.tags.length, 21, 'no more than is needed to refuse it is judged');
  const improper = { name: 'a', frequency: '1m', duration: { seconds: 1n, nanos: -1 } };
  t.notOk(compileRules(PingRequestSchema)?.(create(PingRequestSchema, improper)), 'left to protovalidate');
});

t.test('errors name the field by its path, and say what is valid', async (t) => {
  const says = <D extends DescMessage>(schema: D, init: MessageInitShape<D>, message: string): void => {
    const error = validator.check(schema, create(schema, init));
    t.equal(error?.rawMessage, message);
    t.equal(error && fieldOf(error), message.split(':', 1)[0]);
  };
  const monitor = (init: object, message: string): void =>
    says(CreateMonitorRequestSchema, { monitor: { name: 'a', ...init } }, message);
  says(CreateMonitorRequestSchema, {}, 'monitor: is required');
  monitor({ name: '' }, 'monitor.name: is required');
  monitor({ tags: ['a', ''] }, 'monitor.tags[1]: must not be empty');
  monitor({ tags: ['a', 'b,c'] }, 'monitor.tags[1]: must be a string of valid Unicode without a comma; got "b,c"');
  monitor({ tags: ['x'.repeat(65)] }, 'monitor.tags[0]: must be at most 64 bytes; got 65 bytes');
  monitor({ tags: ['a', 'b', 'b'] }, 'monitor.tags: must not hold the same item twice; got "b" twice');
  monitor({ tags: ['a', 'b\0'] }, 'monitor.tags[1]: must not hold a NUL character');
  const many = Array.from({ length: 21 }, (_, index) => `t${index}`);
  monitor({ tags: many }, 'monitor.tags: must be an array of at most 20 items; got more');
  monitor(
    { maintenance: [{}, { cron: 'x'.repeat(257) }] },
    'monitor.maintenance[1].cron: must be at most 256 bytes; got 257 bytes',
  );
  says(PingRequestSchema, { name: 'a', channels: ['a', ''] }, 'channels[1]: must not be empty');
  says(ListMonitorsRequestSchema, { pageSize: 501 }, 'page_size: must be a whole number from 0 to 500; got 501');
  says(
    ListMonitorsRequestSchema,
    { statuses: [1, 9 as never] },
    'statuses[1]: must be one of new, up, late, down, paused; got 9',
  );
  says(ListUptimesRequestSchema, { days: 8 }, 'days: must be 7, 30, 90 or 365; got 8');
  says(ExportMonitorsRequestSchema, { format: 'xml' }, 'format: must be yaml or json; got "xml"');
  says(
    ApplyMonitorsRequestSchema,
    { document: { contentType: '\0' } },
    'document.content_type: must not hold a NUL character',
  );
});
