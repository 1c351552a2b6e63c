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

  /** Eight bytes as a number; undefined when there are fewer. */
  double(): number | undefined {
    const start = this.at;
    if (start + 8 > this.#bytes.length) return undefined;
    this.at = start + 8;
    return this.#bytes.readDoubleLE(start);
  }

  /** A copy of bytes after their length; undefined when they end early. */
  bytes(): Uint8Array | undefined {
    const start = this.skip();
    return start < 0 ? undefined : new Uint8Array(this.#bytes.subarray(start, this.at));
  }

  /** Goes past what comes after its length, and returns where it starts; -1 when the bytes end before it does. */
  skip(): number {
    const length = this.varint();
    const start = this.at;
    if (length < 0 || start + length > this.#bytes.length) return -1;
    this.at = start + length;
    return start;
  }

  /** Text after its length; undefined when the bytes end before it, and mostly when they are no UTF-8. */
  text(): string | undefined {
    const start = this.skip();
    if (start < 0) return undefined;
    const end = this.at;
    if (end - start > 16) return plainText(this.#bytes.toString('utf8', start, end));
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
