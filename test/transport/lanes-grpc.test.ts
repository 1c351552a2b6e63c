import { EventEmitter, once } from 'node:events';
import { connect as connectHttp2, constants, type ServerHttp2Stream } from 'node:http2';
import { connect } from 'node:net';
import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import t from 'tap';
import { PingRequestSchema } from '../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import { envelope } from '../../server/transport/lane/envelope-reader.ts';
import { StreamTimeLimit } from '../../server/transport/lane/stream-time-limit.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { openHttp2, overHttp2, type RawRequest } from './raw-request.ts';
import { answerTo, serveRecorder } from './serve-recorder.ts';

const pingPath = '/tocsin.v1.HeartbeatService/Ping';
const grpcHeaders = { 'content-type': 'application/grpc', te: 'trailers' };
const message = toBinary(PingRequestSchema, create(PingRequestSchema, { name: 'a', frequency: '1m' }));
const ping = (extra: Partial<RawRequest> = {}): RawRequest => ({
  method: 'POST',
  path: pingPath,
  headers: grpcHeaders,
  body: envelope(message, false),
  ...extra,
});

t.test('a connection that breaks takes only its own calls with it, whatever they were doing', async (t) => {
  const server = await serveRecorder();
  const signals: AbortSignal[] = [];
  server.recorder.onPing = async (request, { signal }) => {
    if (request.name !== 'a') return answerTo(request);
    signals.push(signal);
    return new Promise(() => {});
  };
  const quick = toBinary(PingRequestSchema, create(PingRequestSchema, { name: 'b', frequency: '1m' }));
  const kinds: [string, Record<string, string>][] = [
    [pingPath, grpcHeaders],
    [pingPath, { ...grpcHeaders, 'grpc-encoding': 'gzip' }],
    [pingPath, { ...grpcHeaders, 'grpc-timeout': '50S' }],
    ['/tocsin.v1.HeartbeatService/PingStream', grpcHeaders],
    ['/tocsin.v1.HeartbeatService/Pong', grpcHeaders],
    [pingPath, { 'content-type': 'application/grpc-web+proto' }],
    [pingPath, { 'content-type': 'application/proto' }],
    ['/ping', { 'content-type': 'application/json' }],
    ['/nowhere', {}],
  ];
  const bodies = [null, envelope(message, false).subarray(0, 7), envelope(message, false), envelope(quick, false)];
  for (let round = 0; round < 12; round++) {
    const socket = connect(server.port, '127.0.0.1');
    const session = connectHttp2(server.url, { createConnection: () => socket });
    session.on('error', () => {});
    for (const [path, headers] of kinds) {
      for (const body of bodies) {
        for (const ends of [false, true]) {
          const stream = session.request({ ':method': 'POST', ':path': path, ...headers });
          stream.on('error', () => {});
          stream.resume();
          if (body !== null) stream.write(body);
          if (ends) stream.end();
        }
      }
    }
    await once(socket, 'connect');
    await settle(round);
    socket.resetAndDestroy();
    await once(socket, 'close');
  }
  const session = await openHttp2(server.url);
  const other = ping({ body: envelope(quick, false) });
  t.match(await overHttp2(session, other), { status: 200, trailers: { 'grpc-status': '0' } });
  t.ok(signals.length > 0);
  while (!signals.every(({ aborted }) => aborted)) await settle();
  session.destroy();
  await server.close();
});

t.test('a connection is idle only when the calls on it have ended', async (t) => {
  const server = await serveRecorder({ limits: { idleTimeoutMs: 500 } });
  const held = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  server.recorder.onPing = async (request) => {
    if (server.recorder.pings.length === 2) {
      begun.resolve();
      await held.promise;
    }
    return answerTo(request);
  };
  const busy = await openHttp2(server.url);
  await overHttp2(busy, ping());
  const answer = overHttp2(busy, ping());
  await begun.promise;
  for (let count = 0; count < 2; count++) {
    const quick = await openHttp2(server.url);
    await overHttp2(quick, ping());
    await once(quick, 'close');
  }
  t.notOk(busy.closed, 'its call has been silent for longer');
  held.resolve();
  t.match(await answer, { trailers: { 'grpc-status': '0' } });
  await once(busy, 'close');
  t.equal(server.seen.byFramework, 0);
  await server.close();
});

t.test('a message in pieces of any size', async (t) => {
  const server = await serveRecorder();
  const session = await openHttp2(server.url);
  const whole = envelope(message, false);
  const whenWhole = await overHttp2(session, ping());
  t.match(whenWhole.trailers, { 'grpc-status': '0' });
  for (let size = 1; size < whole.length; size++) {
    const stream = session.request({ ':method': 'POST', ':path': pingPath, ...grpcHeaders });
    let trailers: unknown;
    stream.on('trailers', (came) => {
      trailers = came;
    });
    const answer = stream.toArray();
    for (let at = 0; at < whole.length; at += size) {
      stream.write(whole.subarray(at, at + size));
      // Each as a DATA frame of its own.
      await settle(1);
    }
    stream.end();
    t.equal(Buffer.concat(await answer).toString('latin1'), whenWhole.body, `pieces of ${size} bytes`);
    t.match(trailers, { 'grpc-status': '0' });
  }
  t.equal(server.recorder.pings.length, whole.length);
  t.equal(server.seen.byFramework, 0);
  session.destroy();
  await server.close();
});

class FakeStream extends EventEmitter {
  readonly closedWith: number[] = [];

  close(code: number): void {
    this.closedWith.push(code);
  }
}

t.test('the time limit of requests, against a list that is searched', async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('begin' as const) }),
    fc.record({ kind: fc.constant('end' as const), which: fc.nat(20) }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 150 }) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const clock = new FakeClock();
      const limit = new StreamTimeLimit({ clock, timeoutMs: 100 });
      const begun: { stream: FakeStream; timed: ReturnType<StreamTimeLimit['begin']>; leftMs: number }[] = [];
      for (const each of steps) {
        if (each.kind === 'begin') {
          const stream = new FakeStream();
          begun.push({ stream, timed: limit.begin(stream as unknown as ServerHttp2Stream), leftMs: 100 });
        } else if (each.kind === 'end') {
          const found = begun[each.which];
          if (!found) continue;
          limit.end(found.timed);
          if (found.leftMs > 0) found.leftMs = Number.POSITIVE_INFINITY;
        } else {
          await clock.advance(each.ms);
          for (const one of begun) one.leftMs -= each.ms;
        }
        for (const { stream, leftMs } of begun) {
          const expected = leftMs > 0 ? [] : [constants.NGHTTP2_CANCEL];
          if (stream.closedWith.join() !== expected.join()) throw new Error(`${leftMs} ms left: ${stream.closedWith}`);
        }
      }
    }),
    { numRuns: 200 },
  );
});
