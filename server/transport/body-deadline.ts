import type { IncomingMessage } from 'node:http';
import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Clock } from '../clock.ts';

/**
 * Cancels an HTTP/2 stream whose request has not come in full after `timeoutMs`. Node has a timeout of its own for
 * requests over HTTP/1.1 only. Not for methods that take a stream of requests.
 */
export function limitBodyTime(request: IncomingMessage, options: { clock: Clock; timeoutMs: number }): void {
  const { stream } = request as { stream?: ServerHttp2Stream };
  if (stream === undefined || stream.endAfterHeaders) return;
  const timer = options.clock.after(options.timeoutMs, () => {
    if (!stream.readableEnded) stream.close(constants.NGHTTP2_CANCEL);
  });
  stream.once('close', () => timer.cancel());
}
