import { Code, ConnectError } from '@connectrpc/connect';

const headerBytes = 5;
const compressedFlag = 1;

/** Collects the one message of a unary gRPC request. Holds no more than one message of `maxBytes`. */
export class EnvelopeReader {
  readonly #maxBytes: number;
  /** The beginning; mostly it is everything. */
  #first: Buffer | null = null;
  #more: Buffer[] | null = null;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Takes what came. An error when it is clear that no more need be read. */
  push(chunk: Buffer): ConnectError | null {
    this.#bytes += chunk.length;
    if (this.#first === null) {
      this.#first = chunk;
    } else if (this.#first.length < headerBytes) {
      this.#first = Buffer.concat([this.#first, chunk]);
    } else {
      this.#more ??= [];
      this.#more.push(chunk);
    }
    if (this.#first.length < headerBytes) return null;
    const length = messageLength(this.#first);
    if (length > this.#maxBytes) {
      const text = `message size ${length} is larger than configured readMaxBytes ${this.#maxBytes}`;
      return new ConnectError(text, Code.ResourceExhausted);
    }
    return this.#bytes > headerBytes + length ? extraMessage() : null;
  }

  /** The message, once the request has come in full. */
  finish(): Buffer | ConnectError {
    if (this.#first === null || this.#bytes === 0) return missingMessage();
    const bytes = this.#more === null ? this.#first : Buffer.concat([this.#first, ...this.#more], this.#bytes);
    if (bytes.length < headerBytes || bytes.length < headerBytes + messageLength(bytes)) {
      return new ConnectError('protocol error: incomplete envelope', Code.InvalidArgument);
    }
    if ((bytes[0]! & compressedFlag) !== 0) {
      return new ConnectError('received compressed envelope, but do not know how to decompress', Code.Internal);
    }
    return bytes.subarray(headerBytes);
  }
}

function messageLength(envelope: Buffer): number {
  return envelope.readUInt32BE(1);
}

/** A message as it goes over the wire. */
export function envelope(message: Uint8Array, compressed: boolean): Buffer {
  const bytes = Buffer.allocUnsafe(headerBytes + message.length);
  bytes[0] = compressed ? compressedFlag : 0;
  bytes.writeUInt32BE(message.length, 1);
  bytes.set(message, headerBytes);
  return bytes;
}

function missingMessage(): ConnectError {
  return new ConnectError('protocol error: missing input message for unary method', Code.Unimplemented);
}

function extraMessage(): ConnectError {
  return new ConnectError('protocol error: received extra input message for unary method', Code.Unimplemented);
}
