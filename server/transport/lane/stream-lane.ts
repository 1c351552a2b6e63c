import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';

/**
 * Serves HTTP/2 streams without the compatibility layer that makes requests and responses of them. Returns false, having
 * touched nothing, for every stream that it does not fully handle. For one that it took it calls `onClose`, once, when
 * the stream is closed: a listener more on each stream would show.
 */
export type StreamLane = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, onClose: () => void) => boolean;
