import { createServer, type ServerHttp2Stream } from 'node:http2';
import { create, toBinary } from '@bufbuild/protobuf';
import { PingResponseSchema } from '../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import { monitorName } from '../monitor-names.ts';
import { announce } from './announce.ts';
import { pingAnswer } from './ping-answer.ts';

// Bare node:http2 that looks like gRPC from outside: reads the request, answers a prepared message and trailers.

const message = toBinary(PingResponseSchema, create(PingResponseSchema, pingAnswer(monitorName(0))));
const answer = Buffer.alloc(5 + message.byteLength);
answer.writeUInt32BE(message.byteLength, 1);
answer.set(message, 5);

const server = createServer();
server.on('stream', (stream: ServerHttp2Stream) => {
  // Without it, a connection that is reset would end the process.
  stream.on('error', () => {});
  stream.on('data', () => {});
  stream.on('end', () => {
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.end(answer);
  });
});
server.listen(0, '127.0.0.1', () => announce(server.address()));
