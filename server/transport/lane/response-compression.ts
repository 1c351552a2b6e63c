import { compressionBrotli, compressionGzip } from '@connectrpc/connect-node';

export type ResponseCompression = typeof compressionGzip;

export const allCompressions: readonly ResponseCompression[] = [compressionGzip, compressionBrotli];

/** Answers below this size are not worth compressing, bytes; the default of the stock handlers. */
export const compressMinBytes = 1024;

/** The compression of answers that a caller takes: the first that it names, as the stock handlers choose. */
export function acceptedCompression(accepted: string | undefined): ResponseCompression | null {
  if (accepted === undefined) return null;
  for (const name of accepted.split(',')) {
    const trimmed = name.trim();
    for (const compression of allCompressions) if (compression.name === trimmed) return compression;
  }
  return null;
}

/** Callers send few different lists; past so many they are read each time. */
const maxKnown = 64;

/** The same for lanes that have to know it for every call. */
export class AcceptedCompressions {
  readonly #known = new Map<string, ResponseCompression | null>();

  of(accepted: string | undefined): ResponseCompression | null {
    if (accepted === undefined) return null;
    const known = this.#known.get(accepted);
    if (known !== undefined) return known;
    const compression = acceptedCompression(accepted);
    if (this.#known.size < maxKnown) this.#known.set(accepted, compression);
    return compression;
  }
}
