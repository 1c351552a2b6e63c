import type { Readable } from 'node:stream';

/** How much of a stream is kept, and after how much no more is read, bytes. */
export type FirstBytesLimits = { keepBytes: number; readBytes: number };

/**
 * Reads a stream to its end and resolves to its first bytes; null when it is longer than `readBytes`. The stream is left
 * open then: the answer still has to go out on the same connection. Rejects when the stream breaks off.
 */
export async function firstBytes(stream: Readable, { keepBytes, readBytes }: FirstBytesLimits): Promise<Buffer | null> {
  const kept: Buffer[] = [];
  let keptBytes = 0;
  let bytes = 0;
  for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > readBytes) return null;
    if (keptBytes === keepBytes) continue;
    // A copy: a part of a chunk would hold all of it.
    const part = Buffer.from(chunk.subarray(0, keepBytes - keptBytes));
    kept.push(part);
    keptBytes += part.length;
  }
  return Buffer.concat(kept, keptBytes);
}
