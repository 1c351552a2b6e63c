import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import {
  constants,
  createServer as createHttp2Server,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import type { FastifyServerFactory } from 'fastify';
import type { Clock, Timer } from '../clock.ts';
import type { HttpLane } from '../transport/lane/http-lane.ts';
import type { StreamLane } from '../transport/lane/stream-lane.ts';
import { Http1Connections } from './http1-connections.ts';
import { defaultListenerLimits, type ListenerLimits } from './listener-limits.ts';
import { sniffProtocol } from './sniff-protocol.ts';

/** Keep-alive probes find peers that vanished while a stream of theirs was open and silent. */
const tcpKeepAliveMs = 60_000;

/** A Fastify `serverFactory` whose servers speak HTTP/1.1 and HTTP/2 without TLS (h2c) on one port. */
export function listenerServerFactory(options: {
  clock: Clock;
  limits?: Partial<ListenerLimits>;
}): FastifyServerFactory {
  const limits = { ...defaultListenerLimits, ...options.limits };
  return (handler, { httpLane, streamLane }) =>
    createListenerServer({
      clock: options.clock,
      limits,
      handler: handler as RequestListener,
      httpLane: httpLane as HttpLane | undefined,
      streamLane: streamLane as StreamLane | undefined,
    });
}

/**
 * Makes an `http.Server` that looks at the first bytes of each connection and passes it on to an HTTP/2 server behind it,
 * or to itself; before that, requests that are plain are read here and offered to `httpLane`, if there is one. Its `close`
 * lets requests that are under way finish within `limits.drainMs` and drops all else.
 */
export function createListenerServer(options: {
  clock: Clock;
  limits: ListenerLimits;
  handler: RequestListener;
  /** Is offered each plain HTTP/1.1 request before node:http reads it. */
  httpLane?: HttpLane | undefined;
  /** Is offered each HTTP/2 stream before it becomes a request. */
  streamLane?: StreamLane | undefined;
}): Server {
  const { clock, limits, handler, httpLane, streamLane } = options;
  const server = createServer(
    {
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.idleTimeoutMs,
      connectionsCheckingInterval: Math.min(5000, limits.headersTimeoutMs),
      maxHeaderSize: limits.maxHeaderBytes,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: tcpKeepAliveMs,
    },
    handler,
  );
  server.maxConnections = limits.maxConnections;
  const sessions: Sessions = new Map();
  const http2Server = createH2cServer({ clock, limits, handler, streamLane, sessions });
  const undecided = new Set<{ destroy(): void }>();

  const toHttp1 = server.listeners('connection') as ((socket: Socket) => void)[];
  server.removeAllListeners('connection');
  const toNode = (socket: Socket): void => {
    for (const listener of toHttp1) listener.call(server, socket);
    socket.resume();
  };
  const http1 = httpLane && new Http1Connections({ clock, limits, lane: httpLane, server, toNode });
  server.on('connection', (socket: Socket) => {
    const sniffing = sniffProtocol({
      socket,
      clock,
      timeoutMs: limits.decideTimeoutMs,
      onSettled: () => undecided.delete(sniffing),
      onDecided: (protocol, bytes) => {
        if (protocol === 'http1' && http1) {
          http1.accept(socket, bytes);
          return;
        }
        socket.unshift(bytes);
        if (protocol === 'http2') {
          // Half-open sockets are for HTTP/1.1: with one, a peer that is gone would hold its open streams for ever.
          socket.allowHalfOpen = false;
          http2Server.emit('connection', socket);
          return;
        }
        toNode(socket);
      },
    });
    undecided.add(sniffing);
  });

  closeGracefully({ server, clock, drainMs: limits.drainMs, sessions, undecided, http1 });
  return server;
}

/** HTTP/2 connections, and what is to be called for each stream that is opened or closed. */
type Sessions = Map<ServerHttp2Session, { onOpen: () => void; onClose: () => void }>;

function createH2cServer(options: {
  clock: Clock;
  limits: ListenerLimits;
  handler: RequestListener;
  streamLane: StreamLane | undefined;
  sessions: Sessions;
}): Http2Server {
  const { clock, limits, handler, streamLane, sessions } = options;
  const http2Server = createHttp2Server(
    {
      settings: { maxConcurrentStreams: limits.maxConcurrentStreams, maxHeaderListSize: limits.maxHeaderBytes },
      maxSessionMemory: limits.maxSessionMemoryMb,
    },
    // The compatibility layer gives requests and responses that behave as those of HTTP/1.1.
    handler as never,
  );
  const [toRequests] = http2Server.listeners('stream') as ((...offer: Parameters<StreamListener>) => void)[];
  http2Server.removeAllListeners('stream');
  http2Server.on('stream', (...offer: Parameters<StreamListener>) => {
    const [stream, headers] = offer;
    // Without a session it is destroyed already.
    const { onOpen, onClose } = sessions.get(stream.session as ServerHttp2Session) ?? unwatched;
    onOpen();
    if (streamLane?.(stream, headers, onClose)) return;
    stream.on('close', onClose);
    toRequests!.call(http2Server, ...offer);
    // After the listener that sends the trailers.
    if (!stream.endAfterHeaders) stream.once('wantTrailers', () => clock.afterIo(() => dropRest(stream)));
  });
  http2Server.on('session', (session) => {
    let openStreams = 0;
    const onOpen = (): void => {
      openStreams += 1;
    };
    const onClose = (): void => {
      openStreams -= 1;
    };
    sessions.set(session, { onOpen, onClose });
    session.once('close', () => sessions.delete(session));
    // A session without a listener would throw its errors at the process; it closes by itself after one.
    session.on('error', () => {});
    // Streams may be silent for as long as they like; only a connection without any is idle.
    session.setTimeout(limits.idleTimeoutMs);
    session.on('timeout', () => {
      if (openStreams === 0) session.destroy();
    });
  });
  return http2Server;
}

const unwatched = { onOpen: () => {}, onClose: () => {} };

type StreamListener = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  flags: number,
  rawHeaders: string[],
) => void;

/** An answer that is complete before its request would leave the stream open for as long as the client likes. */
function dropRest(stream: ServerHttp2Stream): void {
  if (stream.readableEnded || stream.destroyed) return;
  stream.close(constants.NGHTTP2_NO_ERROR);
  stream.destroy();
}

/** Replaces `server.close` by one that ends: idle connections at once, busy ones when they are done or out of time. */
function closeGracefully(options: {
  server: Server;
  clock: Clock;
  drainMs: number;
  sessions: Sessions;
  undecided: Set<{ destroy(): void }>;
  http1: Http1Connections | undefined;
}): void {
  const { server, clock, drainMs, sessions, undecided, http1 } = options;
  const close = server.close.bind(server);
  let closing: Timer | null = null;

  server.on('request', (_request: IncomingMessage, response: ServerResponse) => {
    response.once('close', () => {
      // Node keeps a connection whose answer was under way when the server closed; it is idle now.
      if (closing) clock.afterIo(() => server.closeIdleConnections());
    });
  });
  server.close = (callback) => {
    close((error) => {
      closing?.cancel();
      callback?.(error);
    });
    if (closing) return server;
    for (const sniffing of undecided) sniffing.destroy();
    for (const session of sessions.keys()) session.close();
    server.closeIdleConnections();
    http1?.close();
    closing = clock.after(drainMs, () => {
      for (const session of sessions.keys()) session.destroy();
      server.closeAllConnections();
      http1?.destroy();
    });
    return server;
  };
}
