import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { file_grpc_health_v1_health } from '../../../gen/ts/grpc/health/v1/health_pb.ts';
import { file_grpc_reflection_v1_reflection } from '../../../gen/ts/grpc/reflection/v1/reflection_pb.ts';
import { file_tocsin_v1_heartbeat } from '../../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import { file_tocsin_v1_monitor } from '../../../gen/ts/tocsin/v1/monitor_pb.ts';

/** Every message of the contract, and of the calls that are served beside it. */
export const allMessages: readonly DescMessage[] = [
  file_tocsin_v1_heartbeat,
  file_tocsin_v1_monitor,
  file_grpc_health_v1_health,
  file_grpc_reflection_v1_reflection,
].flatMap((file) => file.messages);

const texts = fc.oneof(
  fc.constantFrom('', 'a', '30D', 'é', '😀', '"\\\n', '\0', 'x'.repeat(64), 'x'.repeat(65), 'é'.repeat(70)),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.nat(400).map((length) => 'm'.repeat(length)),
);
const int32 = fc.oneof(fc.constantFrom(0, 1, 127, 128, -1, 2 ** 31 - 1, -(2 ** 31)), fc.nat(20_000));
const uint32 = fc.oneof(fc.constantFrom(0, 127, 128, 2 ** 31, 2 ** 32 - 1), fc.nat());
const uint64 = fc.oneof(
  fc.constantFrom(0n, 2n ** 31n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 64n - 1n),
  fc.bigInt(0n, 2n ** 64n - 1n),
);
const int64 = fc.oneof(
  fc.constantFrom(0n, -1n, 2n ** 53n - 1n, 2n ** 53n, -(2n ** 63n)),
  fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
);
const doubles = fc.oneof(
  fc.constantFrom(0, -0, 1, 0.1, -1.5, 86_400, 2 ** 53, 1e21, 5e-324, Number.MAX_VALUE),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
  fc.double(),
);

/** Init shapes of a message: each field may be missing, null, its default or anything of its type. */
export function initShapes(descriptor: DescMessage, depth = 0): fc.Arbitrary<object> {
  if (descriptor.typeName === 'google.protobuf.Timestamp') {
    return spans(
      fc.oneof(
        fc.constantFrom(0n, -1n, 253_402_300_799n, 253_402_300_800n),
        fc.bigInt(-70_000_000_000n, 253_402_300_800n),
      ),
    );
  }
  if (descriptor.typeName === 'google.protobuf.Duration') return spans(fc.bigInt(-10n, 40_000_000n));
  const members: Record<string, fc.Arbitrary<unknown>> = {};
  for (const member of descriptor.members) {
    if (member.kind === 'field') {
      members[member.localName] = fc.oneof(
        { weight: 8, arbitrary: values(member, depth) },
        fc.constantFrom(undefined, null),
      );
    } else {
      const cases = member.fields.map((field) =>
        singular(field, depth + 1).map((value) => ({ case: field.localName, value })),
      );
      members[member.localName] = fc.oneof(...cases, fc.constantFrom(undefined, null, { case: undefined }));
    }
  }
  return fc.record(members, { requiredKeys: [] });
}

function spans(seconds: fc.Arbitrary<bigint>): fc.Arbitrary<object> {
  const nanos = fc.oneof(fc.constantFrom(0, 1, 500_000_000, 120_000, 999_999_999, -1), fc.nat(999_999_999));
  return fc.record({ seconds, nanos }, { requiredKeys: [] });
}

function values(field: DescField, depth: number): fc.Arbitrary<unknown> {
  const maxLength = depth > 2 ? 0 : 3;
  if (field.fieldKind === 'list') return fc.array(singular(field, depth + 1), { maxLength });
  if (field.fieldKind === 'map') {
    return fc
      .array(fc.tuple(fc.string(), singular(field, depth + 1)), { maxLength })
      .map((entries) => Object.fromEntries(entries));
  }
  return singular(field, depth + 1);
}

function singular(field: DescField, depth: number): fc.Arbitrary<unknown> {
  if (field.message) return initShapes(field.message, depth);
  if (field.enum) return fc.constantFrom(...field.enum.values.map(({ number }) => number), 77, -1);
  switch (field.scalar) {
    case ScalarType.STRING:
      return texts;
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.DOUBLE:
      return doubles;
    case ScalarType.BYTES:
      return fc.uint8Array({ maxLength: 10 });
    case ScalarType.INT32:
      return int32;
    case ScalarType.UINT32:
      return uint32;
    case ScalarType.INT64:
      return int64;
    case ScalarType.UINT64:
      return uint64;
    default:
      throw new Error(`${field}: no values are made for this type yet`);
  }
}
