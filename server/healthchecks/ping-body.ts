/** What is kept of the body of a ping, in bytes. */
export const pingBodyBytesMax = 10_000;

/** A body as a beat keeps it. */
export type PingBody = {
  /** As text, `pingBodyBytesMax` bytes of UTF-8 at most. What is no text in it, and NUL, is U+FFFD. */
  message: string;
  /** The bytes, when the text is not exactly them. */
  body: Uint8Array | null;
};

/** Keeps the first `pingBodyBytesMax` bytes of a body; a character that is cut is left out of the text. */
export function readPingBody(bytes: Uint8Array): PingBody {
  if (bytes.length === 0) return { message: '', body: null };
  const kept = bytes.subarray(0, pingBodyBytesMax);
  // A decoder that expects more holds back the beginning of a character.
  const decoded = new TextDecoder('utf-8', { ignoreBOM: true }).decode(kept, { stream: kept.length < bytes.length });
  const message = firstBytes(decoded.replaceAll('\0', '\ufffd'));
  return { message, body: Buffer.from(message).equals(kept) ? null : new Uint8Array(kept) };
}

/** As much of a text as fits: what stands for a broken byte is longer than the byte. */
function firstBytes(text: string): string {
  if (text.length * 3 <= pingBodyBytesMax) return text;
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(pingBodyBytesMax));
  return text.slice(0, read);
}
