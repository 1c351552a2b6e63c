import type { Socket } from 'node:net';
import type { Clock } from '../clock.ts';

/** What every HTTP/2 client sends first when it knows beforehand that the server speaks it (RFC 9113, 3.4). */
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/**
 * Reads from a new connection until it is clear which protocol it speaks, then hands the socket over, paused, with the
 * bytes that it took. A peer that stays undecided for `timeoutMs`, ends or fails is destroyed. The result destroys it at once if
 * it is still undecided.
 */
export function sniffProtocol(options: {
  socket: Socket;
  clock: Clock;
  timeoutMs: number;
  onDecided: (protocol: 'http1' | 'http2', bytes: Buffer) => void;
  /** Called once when the socket is no longer ours to watch: decided, or gone. */
  onSettled: () => void;
}): { destroy(): void } {
  const { socket, clock, timeoutMs, onDecided, onSettled } = options;
  const chunks: Buffer[] = [];
  let matched = 0;

  const release = (): void => {
    timer.cancel();
    socket.off('data', onData);
    socket.off('end', destroy);
    socket.off('error', destroy);
    socket.off('close', release);
    onSettled();
  };
  const destroy = (): void => {
    socket.destroy();
  };
  const decide = (protocol: 'http1' | 'http2'): void => {
    socket.pause();
    release();
    // Kept until now: put back while undecided, they would come straight back as new data, and one stray byte would spin.
    onDecided(protocol, Buffer.concat(chunks));
  };
  const onData = (chunk: Buffer): void => {
    chunks.push(chunk);
    for (const byte of chunk) {
      const fits = byte === preface[matched];
      if (fits) matched += 1;
      if (fits && matched < preface.length) continue;
      decide(fits ? 'http2' : 'http1');
      return;
    }
  };
  const timer = clock.after(timeoutMs, destroy);
  socket.on('data', onData);
  socket.on('end', destroy);
  socket.on('error', destroy);
  socket.on('close', release);
  return { destroy };
}
