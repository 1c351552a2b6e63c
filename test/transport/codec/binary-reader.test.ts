import { create, type DescMessage, fromBinary, type Message, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { PingBatchRequestSchema, PingRequestSchema } from '../../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import { binaryReader } from '../../../server/transport/codec/binary-reader.ts';
import { allMessages, initShapes } from './init-shapes.ts';

type Outcome = Message | string;

/** The message, or the error's text. */
function outcome(read: () => Message): Outcome {
  try {
    return read();
  } catch (error) {
    return (error as Error).message;
  }
}

function readsAlike(t: Test, descriptor: DescMessage, bytes: Uint8Array): Outcome {
  const expected = outcome(() => fromBinary(descriptor, bytes));
  const read = outcome(() => binaryReader(descriptor)(bytes));
  t.strictSame(read, expected, `${descriptor.typeName} ${Buffer.from(bytes).toString('hex')}`);
  return expected;
}

t.test('every message of the contract is read as protobuf-es reads it, also when it is damaged', async (t) => {
  for (const descriptor of allMessages) {
    let good = 0;
    let bad = 0;
    const damages = fc.array(fc.tuple(fc.nat(), fc.constantFrom('set', 'cut', 'drop', 'repeat'), fc.nat(255)), {
      maxLength: 3,
    });
    fc.assert(
      fc.property(initShapes(descriptor), damages, (shape, damages) => {
        let bytes: Uint8Array;
        try {
          bytes = toBinary(descriptor, create(descriptor, shape as never));
        } catch {
          return;
        }
        readsAlike(t, descriptor, bytes);
        const damaged = damages.reduce((bytes, [at, kind, value]) => damage(bytes, { at, kind, value }), bytes);
        if (typeof readsAlike(t, descriptor, damaged) === 'string') bad += 1;
        else good += 1;
      }),
      { numRuns: 150 },
    );
    t.ok(good > 10, `${descriptor.typeName}: ${good} good, ${bad} bad`);
  }
});

function damage(bytes: Uint8Array, { at, kind, value }: { at: number; kind: string; value: number }): Uint8Array {
  if (bytes.length === 0) return bytes;
  const index = at % bytes.length;
  switch (kind) {
    case 'set':
      return bytes.with(index, value);
    case 'cut':
      return bytes.slice(0, index);
    case 'drop':
      return Uint8Array.from([...bytes.slice(0, index), ...bytes.slice(index + 1)]);
    default:
      return Uint8Array.from([...bytes, ...bytes.slice(index)]);
  }
}

t.test('bytes that no writer makes', async (t) => {
  const cases: Record<string, string> = {
    'a tag in two bytes': '8a000161',
    'a length in two bytes': '0a810061',
    'a field twice': '0a01610a0162',
    'a message twice': '3a0208013a021005',
    'a text of 17 bytes and more': `0a14${'61'.repeat(20)}`,
    'U+FFFD': '0a03efbfbd',
    'no UTF-8, short and long': '0a01ff',
    'no UTF-8, long': `0a14${'ff'.repeat(20)}`,
    'a byte-order mark': '0a04efbbbf61',
    'half of a surrogate pair': '0a03eda080',
    'a number of ten bytes': '18ffffffffffffffffff01',
    'a number of eleven bytes': '18ffffffffffffffffffff01',
    '2^53 - 1': '18ffffffffffffff0f',
    '2^53': '188080808080808010',
    'a wide int32': '40ffffffff0f',
    'an int32 of 2^31': '408080808008',
    'a negative enum': '28ffffffffffffffffff01',
    'another wire type': '0801',
    'field number 0': '0001',
    'an unknown field': '0a0161f80101',
    'a group': '0bf801010c',
    'a message that ends late': '3a0408011005',
    'a message that ends early': '3a0408',
    'a length without text': '0a',
    'a tag without a value': '28',
  };
  for (const [what, hex] of Object.entries(cases)) {
    readsAlike(t, PingRequestSchema, Buffer.from(hex, 'hex'));
    const item = Buffer.from(hex, 'hex');
    readsAlike(t, PingBatchRequestSchema, Buffer.concat([Buffer.from([0x0a, item.length]), item, item]));
    t.comment(what);
  }
});

t.test('of a list that is too long only one item too many is read', async (t) => {
  const item = [0x0a, 3, 0x0a, 1, 0x61];
  const read = (bytes: number[]) => binaryReader(PingBatchRequestSchema)(Uint8Array.from(bytes));
  const items = (count: number) => Array.from({ length: count }, () => item).flat();
  for (const [count, length] of [
    [1000, 1000],
    [1001, 1001],
    [50_000, 1001],
  ] as const) {
    const { pings } = read(items(count)) as unknown as { pings: object[] };
    t.equal(pings.length, length);
    t.match(pings.at(-1), { name: 'a' });
  }
  t.throws(() => read([...items(2000), 0x0a, 5, 0x0a]), 'it must still be protobuf');
});

t.test('messages share nothing', async (t) => {
  const read = binaryReader(PingBatchRequestSchema);
  const first = read(new Uint8Array()) as unknown as { pings: unknown[] };
  first.pings.push(1);
  t.strictSame(read(new Uint8Array()), create(PingBatchRequestSchema));
  const network = Buffer.from('7a03010203', 'hex');
  const { body } = binaryReader(PingRequestSchema)(network) as unknown as { body: Uint8Array };
  network.fill(0);
  t.strictSame(body, new Uint8Array([1, 2, 3]), 'bytes are a copy');
  const inner = new Uint8Array([9, 0x0a, 1, 0x61]).subarray(1);
  t.strictSame(binaryReader(PingRequestSchema)(inner), create(PingRequestSchema, { name: 'a' }), 'part of an array');
});
