import { create, type DescMessage, fromBinary, toBinary, toJsonString } from '@bufbuild/protobuf';
import { StringValueSchema, StructSchema, TypeSchema, timestampFromMs } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import {
  PingBatchResponseSchema,
  PingRequestSchema,
  PingResponseSchema,
  PingResultSchema,
} from '../../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import { GetMonitorResponseSchema } from '../../../gen/ts/tocsin/v1/monitor_pb.ts';
import { binaryWriter } from '../../../server/transport/codec/binary-writer.ts';
import { protoJson } from '../../../server/transport/codec/proto-json.ts';
import { allMessages, initShapes } from './init-shapes.ts';

type Outcome = { text: string } | 'thrown';

/** What a writer makes of a message; which error it throws does not matter. */
function outcome(write: () => string): Outcome {
  try {
    return { text: write() };
  } catch {
    return 'thrown';
  }
}

function sameBinary(t: Test, descriptor: DescMessage, shape: object): Outcome {
  const expected = outcome(() => hex(toBinary(descriptor, create(descriptor, shape as never))));
  t.strictSame(
    outcome(() => hex(binaryWriter(descriptor)(shape))),
    expected,
    descriptor.typeName,
  );
  return expected;
}

function sameJson(t: Test, descriptor: DescMessage, shape: object): Outcome {
  const expected = outcome(() => toJsonString(descriptor, create(descriptor, shape as never)));
  t.strictSame(
    outcome(() => protoJson(descriptor)(shape)),
    expected,
    descriptor.typeName,
  );
  return expected;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

t.test('every message of the contract is written as protobuf-es writes it', async (t) => {
  for (const descriptor of allMessages) {
    let written = 0;
    fc.assert(
      fc.property(initShapes(descriptor), (shape) => {
        if (sameBinary(t, descriptor, shape) !== 'thrown') written += 1;
        if (sameJson(t, descriptor, shape) !== 'thrown') written += 1;
        // A message that was made is written like its init shape.
        const message = create(descriptor, shape as never);
        sameBinary(t, descriptor, message);
        sameJson(t, descriptor, message);
      }),
      { numRuns: 60 },
    );
    t.ok(written > 60, `${descriptor.typeName}: ${written} were written`);
  }
});

t.test('lengths that take more than a byte', async (t) => {
  for (const count of [1, 2, 40, 300, 1000]) {
    const response = {
      name: 'x'.repeat(100),
      status: 2,
      acceptedAt: timestampFromMs(1767225600123),
      dueAt: timestampFromMs(0),
    };
    const results = Array.from({ length: count }, () => ({ result: { case: 'response', value: response } }));
    sameBinary(t, PingBatchResponseSchema, { results });
    sameJson(t, PingBatchResponseSchema, { results });
  }
});

t.test('what is rare is left to protobuf-es', async (t) => {
  const unknown = fromBinary(PingResponseSchema, Buffer.from('0a0161f80101', 'hex'));
  t.equal(hex(binaryWriter(PingResponseSchema)(unknown)), '0a0161f80101', 'unknown fields are kept');
  sameBinary(t, PingResultSchema, { result: { case: 'response', value: unknown } });
  sameBinary(t, PingResultSchema, { result: { case: 'response', value: undefined } });
  sameBinary(t, PingResultSchema, { result: { case: 'nonsense', value: 1 } });
  for (const shape of [{ name: 5 }, { exitCode: 1.5 }, { timestamp: 7 }, { timestamp: '7' }, { duration: 3 }]) {
    sameBinary(t, PingRequestSchema, shape);
  }
  sameBinary(t, StringValueSchema, { value: 'a' });
  sameJson(t, StringValueSchema, { value: 'a' });
  sameJson(t, StructSchema, { fields: { a: { kind: { case: 'numberValue', value: 1 } } } });
  sameJson(t, TypeSchema, { name: 'a', sourceContext: { fileName: 'b' }, oneofs: ['c'] });
  sameJson(t, GetMonitorResponseSchema, { monitor: { dueAt: { seconds: 253_402_300_800n } } });
});
