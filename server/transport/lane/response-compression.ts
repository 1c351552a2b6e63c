import { compressionBrotli, compressionGzip } from '@connectrpc/connect-node';

/** Answers below this size are not worth compressing, bytes; the default of the stock handlers. */
export const compressMinBytes = 1024;

/** The compression of answers that a caller takes: the first that it names, as the stock handlers choose. */
export function acceptedCompression(accepted: string | undefined): typeof compressionGzip | null {
  if (accepted === undefined) return null;
  for (const name of accepted.split(',')) {
    const trimmed = name.trim();
    if (trimmed === compressionGzip.name) return compressionGzip;
    if (trimmed === compressionBrotli.name) return compressionBrotli;
  }
  return null;
}
