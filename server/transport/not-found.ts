import { Code, ConnectError } from '@connectrpc/connect';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Authenticator } from './authenticator.ts';
import { encodeGrpcMessage } from './grpc-message.ts';
import { decodeTarget } from './request-text.ts';
import type { RestRoute } from './rest-bridge.ts';
import { sendRestError } from './rest-error.ts';

/**
 * Answers what no route took: 405 with `Allow` for a known path, UNIMPLEMENTED in the caller's protocol for a method
 * that no service has, 404 otherwise.
 */
export function notFoundHandler(options: { routes: readonly RestRoute[]; authenticator: Authenticator }) {
  const { routes, authenticator } = options;

  return (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const { headers, url = '', method } = request.raw;
    const target = decodeTarget(url.split('?', 1)[0] ?? '');
    const path = target.ok ? target.text : url;
    const type = headers['content-type'] ?? '';
    const error = authenticator.check(headers.authorization);
    if (type.startsWith('application/grpc')) return sendGrpcError(reply, error ?? unimplemented(path), type);
    if (error) return sendRestError(reply, error);

    const allowed = new Set(routes.filter(({ template }) => template.match(path)).map(({ httpMethod }) => httpMethod));
    for (const each of pageMethods(path)) allowed.add(each);
    if (allowed.size > 0) {
      const allow = [...allowed].sort().join(', ');
      reply.header('allow', allow);
      const message = `method: must be one of ${allow}; got ${method}${elsewhere(routes, method, path)}`;
      return sendRestError(reply, new ConnectError(message, Code.Unimplemented), 405);
    }
    if (method === 'POST' && /^\/[\w.]+\.\w+\/\w+$/.test(path)) return sendRestError(reply, unimplemented(path), 404);
    return sendRestError(reply, new ConnectError('path: nothing is here', Code.NotFound));
  };
}

/** Those of what is no call. */
function pageMethods(path: string): string[] {
  if (path === '/' || path === '/view' || path === '/metrics') return ['GET'];
  return path === '/healthz' || path === '/badges' || path.startsWith('/badge/') ? ['GET', 'HEAD'] : [];
}

/** Where a method is served nearby: who sends `POST /monitors/a/pause` learns of `/monitors/pause`. */
function elsewhere(routes: readonly RestRoute[], method: string | undefined, path: string): string {
  const lead = path.split('/', 2).join('/');
  const near = routes
    .filter(({ httpMethod, template }) => httpMethod === method && template.fields.length === 0)
    .map(({ template }) => template.routePath)
    .filter((routePath) => routePath === lead || routePath.startsWith(`${lead}/`));
  return near.length === 0 ? '' : `; ${method} is for ${near.join(', ')}`;
}

function unimplemented(path: string): ConnectError {
  return new ConnectError(`${path.slice(1, 257)} is not served here`, Code.Unimplemented);
}

/** An answer of headers only, which is how gRPC says that a call failed before it began. */
function sendGrpcError(reply: FastifyReply, error: ConnectError, contentType: string): FastifyReply {
  return reply
    .code(200)
    .header('content-type', contentType)
    .header('grpc-status', String(error.code))
    .header('grpc-message', encodeGrpcMessage(error.rawMessage))
    .send();
}
