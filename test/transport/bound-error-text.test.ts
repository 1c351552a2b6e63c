import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import t from 'tap';
import { BadRequestSchema } from '../../gen/ts/google/rpc/error_details_pb.ts';
import { HeartbeatService } from '../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import { callError } from '../../server/service/call-error.ts';
import { boundErrorText, errorTextBytesMax } from '../../server/transport/bound-error-text.ts';
import { serveRecorder } from './serve-recorder.ts';

const violationsOf = (error: ConnectError) =>
  error.findDetails(BadRequestSchema).flatMap(({ fieldViolations }) => fieldViolations);

t.test('an error that fits stays as it is', async (t) => {
  const error = callError({ code: Code.InvalidArgument, message: 'name: is empty', field: 'name' });
  const { details } = error;
  boundErrorText(error);
  t.equal(error.rawMessage, 'name: is empty');
  t.equal(error.details, details);
  const full = new ConnectError('x'.repeat(errorTextBytesMax), Code.Internal);
  boundErrorText(full);
  t.equal(full.rawMessage.length, errorTextBytesMax);
  t.doesNotThrow(() => boundErrorText(new TypeError('x')), 'what is no error of a call is left alone');
});

t.test('text is cut between characters, and says that it is', async (t) => {
  for (const character of ['x', 'ü', '€', '🙂', '$&']) {
    const text = character.repeat(70_000);
    const error = callError({ code: Code.NotFound, message: `f: ${text}`, field: 'f' });
    boundErrorText(error);
    t.ok(Buffer.byteLength(error.rawMessage) <= errorTextBytesMax);
    t.ok(Buffer.byteLength(error.rawMessage) > errorTextBytesMax - 8);
    t.match(error.rawMessage, /^f: .*…$/u);
    t.ok(error.rawMessage.isWellFormed());
    t.equal(error.message, `[not_found] ${error.rawMessage}`);
    const [violation] = violationsOf(error);
    t.equal(violation?.field, 'f');
    t.match(violation?.description, /…$/);
    t.ok(Buffer.byteLength(violation!.description) <= errorTextBytesMax);
  }
});

t.test('of many violations the first are told', async (t) => {
  const violations = Array.from({ length: 1_000 }, (_, index) => ({ field: `f${index}`, description: 'is wrong' }));
  const error = callError({ code: Code.InvalidArgument, message: 'f0: is wrong', violations });
  boundErrorText(error);
  const left = violationsOf(error);
  t.ok(left.length > 100 && left.length < 200, String(left.length));
  t.match(left, violations.slice(0, left.length));
});

t.test('a huge error reaches its caller on every protocol, through the lanes and past them', async (t) => {
  for (const lanes of [undefined, []] as const) {
    const server = await serveRecorder(lanes === undefined ? {} : { lanes: [...lanes] });
    server.recorder.onPing = async () => {
      throw callError({ code: Code.FailedPrecondition, message: `tags: ${'ü%'.repeat(200_000)}`, field: 'tags' });
    };
    for (const [name, transport] of Object.entries({
      connect: createConnectTransport({ baseUrl: server.url, httpVersion: '1.1' }),
      grpc: createGrpcTransport({ baseUrl: server.url }),
      'grpc-web': createGrpcWebTransport({ baseUrl: server.url, httpVersion: '1.1' }),
    })) {
      const client = createClient(HeartbeatService, transport);
      const error = await client.ping({ name: 'a', frequency: '1m' }).catch(ConnectError.from);
      t.match(error, { code: Code.FailedPrecondition, rawMessage: /^tags: (ü%)+ü?…$/ }, name);
      const headerBytes = [...(error as ConnectError).metadata].join().length;
      t.ok(headerBytes < 8_192, `${name}: ${headerBytes} bytes of headers`);
      t.equal(violationsOf(error as ConnectError)[0]?.field, 'tags');
    }
    await server.close();
  }
});
