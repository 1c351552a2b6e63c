import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Authenticator } from './authenticator.ts';
import { sendRestError } from './rest-error.ts';

const pageHeaders = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

/** Pages for people, as HTML. */
export type Pages = {
  start: (baseUrl: string) => Promise<string>;
  /** That of one monitor; null when no monitor has the name. */
  monitor: (name: string) => Promise<string | null>;
};

const unknownMonitor =
  '<!doctype html><meta charset="utf-8"><title>Tocsin</title><p>No monitor has this name. <a href="/">All monitors</a>';

/**
 * Serves `GET /` and `GET /view?name=…` (for people, so a browser's password prompt will do), `/healthz` (open, GET and HEAD) and `/metrics` (for
 * Prometheus, with the token as bearer or as password).
 */
export function pageRoutes(
  scope: FastifyInstance,
  options: {
    authenticator: Authenticator;
    pages: Pages | undefined;
    healthz: () => Promise<{ ok: boolean; body: object }>;
    metricsText: { contentType: string; text: () => Promise<string> } | undefined;
  },
): void {
  const { authenticator, pages, healthz, metricsText } = options;

  // Uptime checkers ask with HEAD.
  scope.get('/healthz', { exposeHeadRoute: true }, async (_request, reply) => {
    const { ok, body } = await healthz();
    return reply
      .code(ok ? 200 : 503)
      .header('content-type', 'application/json; charset=utf-8')
      .header('cache-control', 'no-store')
      .send(JSON.stringify(body));
  });

  if (metricsText !== undefined) {
    scope.get('/metrics', async (request, reply) => {
      const { authorization } = request.raw.headers;
      if (!authenticator.checkPage(authorization)) return sendRestError(reply, authenticator.check(authorization)!);
      const text = await metricsText.text();
      return reply.header('content-type', metricsText.contentType).header('cache-control', 'no-store').send(text);
    });
  }

  if (pages === undefined) return;
  const serve = async (
    request: FastifyRequest,
    reply: FastifyReply,
    render: () => Promise<string | null>,
  ): Promise<FastifyReply> => {
    if (!authenticator.checkPage(request.raw.headers.authorization)) {
      return reply
        .code(401)
        .headers({ ...pageHeaders, 'www-authenticate': 'Basic realm="tocsin", charset="UTF-8"' })
        .send('<!doctype html><title>Tocsin</title><p>The token is needed: any user name, and the token as password.');
    }
    const text = await render();
    return reply
      .code(text === null ? 404 : 200)
      .headers(pageHeaders)
      .send(text ?? unknownMonitor);
  };
  scope.get('/', (request, reply) => serve(request, reply, () => pages.start(`${request.protocol}://${request.host}`)));
  scope.get('/view', (request, reply) =>
    serve(request, reply, async () => {
      const { searchParams } = new URL(request.raw.url ?? '', 'http://page');
      return pages.monitor(searchParams.get('name') ?? '');
    }),
  );
}
