/** The server keeps this much of a message. */
const MESSAGE_BYTES_MAX = 10_000;

const encoder = new TextEncoder();
// A leading U+FEFF is part of the message.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** The text of anything that can be thrown, made fit for the wire. Never throws. */
export function errorMessage(error: unknown): string {
  try {
    const message = typeof error === 'object' && error !== null ? (error as { message?: unknown }).message : undefined;
    return cutMessage(typeof message === 'string' && message !== '' ? message : String(error));
  } catch {
    return 'an error that has no text';
  }
}

/**
 * The first 10,000 bytes of `text` in UTF-8, never half a character; NUL and lone surrogates, which the server refuses,
 * become U+FFFD.
 */
export function cutMessage(text: string): string {
  const room = new Uint8Array(MESSAGE_BYTES_MAX);
  // No UTF-16 unit takes less than a byte, so nothing after the slice could fit. `encodeInto` writes whole characters
  // only, and U+FFFD for lone surrogates.
  const { written } = encoder.encodeInto(text.slice(0, MESSAGE_BYTES_MAX).replaceAll('\0', '\uFFFD'), room);
  return decoder.decode(room.subarray(0, written));
}
