/** Bytes in the making: protobuf's primitives, appended to a buffer that grows. */
export class ByteSink {
  /** Something came that has no plain binary form: what was written is not to be used. */
  isUnsure = false;
  #bytes: Buffer = Buffer.allocUnsafe(256);
  #at = 0;

  /** What was written. The sink is not to be used any more. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  /** A whole number from 0 to 2^53 - 1. */
  varint(value: number): void {
    this.#reserve(8);
    const bytes = this.#bytes;
    let at = this.#at;
    let rest = value;
    while (rest >= 2 ** 31) {
      bytes[at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    while (rest > 0x7f) {
      bytes[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[at++] = rest;
    this.#at = at;
  }

  /** Eight bytes. */
  double(value: number): void {
    this.#reserve(8);
    this.#at = this.#bytes.writeDoubleLE(value, this.#at);
  }

  /** Bytes with their length before them. */
  bytes(bytes: Uint8Array): void {
    this.varint(bytes.length);
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** Text with its length before it. */
  text(text: string): void {
    const { length } = text;
    if (length > shortText) {
      this.#longText(text);
      return;
    }
    this.#reserve(length + 1);
    const bytes = this.#bytes;
    const at = this.#at;
    bytes[at] = length;
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code > 0x7f) {
        this.#longText(text);
        return;
      }
      bytes[at + 1 + index] = code;
    }
    this.#at = at + 1 + length;
  }

  /** Begins what has its length before it; give what this returns to `end`. */
  begin(): number {
    this.#reserve(1);
    this.#at += 1;
    return this.#at;
  }

  /** Puts the length before what was written since `begin`. It mostly fits in the one byte that was left for it. */
  end(start: number): void {
    const length = this.#at - start;
    if (length <= 0x7f) {
      this.#bytes[start - 1] = length;
      return;
    }
    const end = this.#at;
    const extra = varintBytes(length) - 1;
    this.#reserve(extra);
    this.#bytes.copyWithin(start + extra, start, end);
    this.#at = start - 1;
    this.varint(length);
    this.#at = end + extra;
  }

  #longText(text: string): void {
    const length = Buffer.byteLength(text);
    this.varint(length);
    this.#reserve(length);
    this.#at += this.#bytes.write(text, this.#at, 'utf8');
  }

  #reserve(count: number): void {
    const needed = this.#at + count;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#bytes.length));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}

/** Up to here a loop over ASCII is faster than a call of Buffer's. Its length fits in a byte. */
const shortText = 64;

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) bytes += 1;
  return bytes;
}
