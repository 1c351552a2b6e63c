import { createServer } from 'node:http';
import { announce } from './announce.ts';

// Bare node:http: answers every request with the JSON given as the first argument.

const body = Buffer.from(process.argv[2]!);
const server = createServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'content-length': body.length });
  response.end(body);
});
server.listen(0, '127.0.0.1', () => announce(server.address()));
