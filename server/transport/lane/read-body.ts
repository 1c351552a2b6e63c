import type { IncomingMessage } from 'node:http';

/**
 * Collects the body of a request: `done` gets it, or null as soon as it is over `maxBytes`. What comes after that is
 * dropped. `done` is never called when the caller leaves before the end.
 */
export function readBody(request: IncomingMessage, maxBytes: number, done: (body: Buffer | null) => void): void {
  let first: Buffer | null = null;
  let more: Buffer[] | null = null;
  let bytes = 0;
  const onData = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes > maxBytes) {
      request.off('data', onData);
      request.off('end', onEnd);
      request.resume();
      done(null);
    } else if (first === null) {
      first = chunk;
    } else {
      more ??= [first];
      more.push(chunk);
    }
  };
  const onEnd = (): void => done(more ? Buffer.concat(more, bytes) : (first ?? empty));
  request.on('data', onData);
  request.once('end', onEnd);
}

const empty = Buffer.alloc(0);
