import Fastify from 'fastify';
import { announce } from './announce.ts';

// A bare Fastify route: answers GET /ping with the object that the first argument is the JSON of.

const answer: unknown = JSON.parse(process.argv[2]!);
const app = Fastify();
app.get('/ping', async () => answer);
await app.listen({ host: '127.0.0.1', port: 0 });
announce(app.server.address());
