import {
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceDefinition,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { announce } from './announce.ts';

// @grpc/grpc-js, set up as its documentation does (proto-loader), with a Ping that answers at once.

type PingCall = ServerUnaryCall<{ name: string }, object>;

const frequencyS = 30 * 86_400;
const root = new URL('../../proto', import.meta.url).pathname;
const definition = loadSync('tocsin/v1/heartbeat.proto', { includeDirs: [root] });

const server = new Server();
server.addService(definition['tocsin.v1.HeartbeatService'] as ServiceDefinition, {
  ping: ({ request }: PingCall, answer: sendUnaryData<object>) => {
    const nowMs = Date.now();
    const seconds = Math.floor(nowMs / 1000);
    const nanos = (nowMs % 1000) * 1_000_000;
    const deadline = { seconds: seconds + frequencyS, nanos };
    answer(null, {
      name: request.name,
      status: 'MONITOR_STATUS_UP',
      accepted: 'ACCEPTED_APPLIED',
      acceptedAt: { seconds, nanos },
      dueAt: deadline,
      deadline,
    });
  },
});
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  announce({ address: '127.0.0.1', family: 'IPv4', port });
});
