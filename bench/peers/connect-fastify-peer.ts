import { fastifyConnectPlugin } from '@connectrpc/connect-fastify';
import Fastify, { type FastifyInstance } from 'fastify';
import { HeartbeatService } from '../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import { announce } from './announce.ts';
import { pingAnswer } from './ping-answer.ts';

// Stock connect-fastify with a Ping that answers at once. First argument: "http1", or "http2" for h2c.

const app = (process.argv[2] === 'http2' ? Fastify({ http2: true }) : Fastify()) as unknown as FastifyInstance;
await app.register(fastifyConnectPlugin, {
  routes: (router) => {
    router.service(HeartbeatService, { ping: ({ name }) => pingAnswer(name) });
  },
});
await app.listen({ host: '127.0.0.1', port: 0 });
announce(app.server.address());
