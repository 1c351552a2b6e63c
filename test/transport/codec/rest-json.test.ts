import { create, fromJson, toJson } from '@bufbuild/protobuf';
import { FieldDescriptorProtoSchema, FieldMaskSchema, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import t from 'tap';
import { HealthListResponseSchema } from '../../../gen/ts/grpc/health/v1/health_pb.ts';
import { FileDescriptorResponseSchema } from '../../../gen/ts/grpc/reflection/v1/reflection_pb.ts';
import {
  BeatStatus,
  PingBatchResponseSchema,
  PingRequestSchema,
  PingResponseSchema,
  PingStreamResponseSchema,
} from '../../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import { MonitorStatus } from '../../../gen/ts/tocsin/v1/monitor_pb.ts';
import { restJson } from '../../../server/transport/codec/rest-json.ts';
import { encodeGrpcMessage } from '../../../server/transport/grpc-message.ts';
import { compileTemplate } from '../../../server/transport/rest-template.ts';

const parse = (text: string): unknown => JSON.parse(text);

t.test('every field is there, by its proto name', async (t) => {
  const empty = {
    name: '',
    frequency: '',
    timestamp: null,
    grace: null,
    status: 'unspecified',
    message: '',
    duration: null,
    exit_code: null,
    run: '',
    beat_id: '',
    cron: '',
    time_zone: '',
    tags: [],
    channels: [],
    body: '',
  };
  const encode = restJson(PingRequestSchema);
  t.strictSame(parse(encode(create(PingRequestSchema))), empty);
  t.strictSame(parse(encode({})), empty, 'the init shape of a message will do');
  const full = {
    name: 'a"\\\n\u2028é',
    timestamp: 0n,
    grace: '',
    status: BeatStatus.START,
    duration: { seconds: 1n, nanos: 500_000_000 },
    exitCode: -1,
  };
  const expected = {
    ...empty,
    name: full.name,
    timestamp: 0,
    grace: '',
    status: 'start',
    duration: '1.5s',
    exit_code: -1,
  };
  t.strictSame(parse(encode(create(PingRequestSchema, full))), expected);
  t.strictSame(parse(encode(full)), expected);
});

t.test('numbers, times and enums', async (t) => {
  const ping = (init: object) => parse(restJson(PingRequestSchema)(init)) as Record<string, unknown>;
  t.equal(ping({ timestamp: 9007199254740991n }).timestamp, 9007199254740991);
  t.equal(ping({ timestamp: 9007199254740992n }).timestamp, '9007199254740992');
  t.equal(ping({ timestamp: -9223372036854775808n }).timestamp, '-9223372036854775808');
  t.equal(ping({ status: 77 }).status, 77);
  t.equal(ping({ duration: {} }).duration, '0s');
  t.equal(ping({ duration: { seconds: -1n, nanos: -1 } }).duration, '-1.000000001s');
  t.equal(ping({ duration: { nanos: -10_000_000 } }).duration, '-0.01s');
  const pong = (init: object) => parse(restJson(PingResponseSchema)(init)) as Record<string, unknown>;
  t.equal(pong({ dueAt: { seconds: 1767225600n, nanos: 999_999_999 } }).due_at, '2026-01-01T00:00:00.999Z');
  t.equal(pong({ dueAt: { seconds: 0n } }).due_at, '1970-01-01T00:00:00.000Z');
  t.equal(pong({ dueAt: { seconds: -1n, nanos: 1_000_000 } }).due_at, '1969-12-31T23:59:59.001Z');
  t.equal(pong({ status: MonitorStatus.DOWN }).status, 'down');
});

t.test('lists, oneofs, maps and bytes', async (t) => {
  const batch = restJson(PingBatchResponseSchema);
  t.strictSame(parse(batch({})), { results: [] });
  const error = { code: 'x', message: 'y', field: 'z' };
  const results = [
    { result: { case: 'error', value: error } },
    { result: { case: 'response', value: { name: 'a' } } },
    {},
  ];
  t.match(parse(batch({ results })), {
    results: [
      { response: null, error },
      { response: { name: 'a' }, error: null },
      { response: null, error: null },
    ],
  });
  t.strictSame(parse(restJson(PingStreamResponseSchema)({ seq: 5n })), { seq: 5, result: null });
  t.match(parse(restJson(HealthListResponseSchema)({ statuses: { 'a"': { status: 1 } } })), {
    statuses: { 'a"': { status: 'serving' } },
  });
  const bytes = { fileDescriptorProto: [new Uint8Array([1, 2, 255])] };
  t.strictSame(parse(restJson(FileDescriptorResponseSchema)(bytes)), { file_descriptor_proto: ['AQL/'] });
  t.strictSame(parse(restJson(FieldMaskSchema)({ paths: ['a'] })), { paths: ['a'] });
});

t.test('a message that contains itself, against the JSON of protobuf-es', async (t) => {
  const proto = FileDescriptorProtoSchema.file.proto;
  const encoded = parse(restJson(FileDescriptorProtoSchema)(proto));
  t.match(encoded, { name: 'google/protobuf/descriptor.proto', package: 'google.protobuf' });
  const [field] = FieldDescriptorProtoSchema.proto.field;
  const text = restJson(FieldDescriptorProtoSchema)(field!);
  const { proto3_optional: _, ...same } = parse(text) as Record<string, unknown>;
  t.match(same, { name: 'name', number: 1, label: 'optional', type: 'string', json_name: 'name' });
  const read = fromJson(PingResponseSchema, {
    name: 'a',
    status: 'MONITOR_STATUS_UP',
    dueAt: '2026-01-01T00:00:00.5Z',
  });
  t.match(toJson(PingResponseSchema, read), { dueAt: '2026-01-01T00:00:00.500Z' });
  t.match(parse(restJson(PingResponseSchema)(read)), { due_at: '2026-01-01T00:00:00.500Z' });
});

t.test('path templates', async (t) => {
  const compile = (template: string) => compileTemplate(template, PingRequestSchema);
  const plain = compile('/ping');
  t.match(plain, { routePath: '/ping', fields: [] });
  t.strictSame(plain.match('/ping'), []);
  t.equal(plain.match('/pings'), null);
  const rest = compile('/ping/{name=**}');
  t.equal(rest.routePath, '/ping/*');
  t.strictSame([rest.match('/ping/a/b%2F'), rest.match('/ping/'), rest.match('/ping')], [['a/b%2F'], [''], null]);
  const two = compile('/m/{name}/runs/{run=*}');
  t.equal(two.routePath, '/m/:p1/runs/:p3');
  t.strictSame([two.match('/m/a/runs/b'), two.match('/m/a/b/runs/c')], [['a', 'b'], null]);
  const verb = compile('/m/{name}:pause');
  t.equal(verb.routePath, '/m/:p1(^[^:]+)::pause');
  t.strictSame([verb.match('/m/a:pause'), verb.match('/m/a')], [['a'], null]);
  for (const bad of ['/a/{name=**}/b', '/a/{nope}', '/a/{name=x/*}', '/a/*', '/a/{name=**}:go']) {
    t.throws(() => compile(bad), { message: new RegExp(`^${bad.replace(/[{}*/]/g, '\\$&')}: `) }, bad);
  }
});

t.test('grpc-message', async (t) => {
  t.equal(encodeGrpcMessage('name: "a", 100%; é\n🙂'), 'name: "a", 100%25; %C3%A9%0A%F0%9F%99%82');
  t.equal(decodeURIComponent(encodeGrpcMessage('name: "a", 100%; é\n🙂')), 'name: "a", 100%; é\n🙂');
});
