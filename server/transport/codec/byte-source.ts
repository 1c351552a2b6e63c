/** Protobuf's primitives, read from bytes one after the other. */
export class ByteSource {
  /** Where the next is read. */
  at = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** A whole number from 0 to 2^53 - 1; -1 for a larger one, and where there is none. */
  varint(): number {
    const bytes = this.#bytes;
    const first = bytes[this.at++];
    if (first === undefined) return -1;
    if (first < 0x80) return first;
    let value = first & 0x7f;
    for (let scale = 0x80; scale < 2 ** 50; scale *= 0x80) {
      const byte = bytes[this.at++];
      if (byte === undefined) return -1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value <= Number.MAX_SAFE_INTEGER ? value : -1;
    }
    return -1;
  }

  /** Text after its length; undefined when the bytes end before it, and mostly when they are no UTF-8. */
  text(): string | undefined {
    const length = this.varint();
    const start = this.at;
    const end = start + length;
    if (length < 0 || end > this.#bytes.length) return undefined;
    this.at = end;
    if (length > 16) return plainText(this.#bytes.toString('utf8', start, end));
    let text = '';
    for (let index = start; index < end; index++) {
      const byte = this.#bytes[index]!;
      if (byte > 0x7f) return plainText(this.#bytes.toString('utf8', start, end));
      text += String.fromCharCode(byte);
    }
    return text;
  }
}

/** What is no UTF-8 becomes U+FFFD; it is rare enough elsewhere. */
function plainText(text: string): string | undefined {
  return text.includes('\ufffd') ? undefined : text;
}
