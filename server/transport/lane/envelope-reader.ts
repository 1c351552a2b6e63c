import { Code, ConnectError } from '@connectrpc/connect';

const headerBytes = 5;
const compressedFlag = 1;

/** Collects the one message of a unary gRPC request. Holds no more than one message of `maxBytes`. */
export class EnvelopeReader {
  readonly #maxBytes: number;
  #buffer: Buffer = Buffer.alloc(0);
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Takes what came. An error when it is clear that no more need be read. */
  push(chunk: Buffer): ConnectError | null {
    this.#bytes += chunk.length;
    if (this.#buffer.length >= headerBytes) {
      this.#chunks.push(chunk);
    } else {
      this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
      if (this.#buffer.length < headerBytes) return null;
    }
    const length = this.#buffer.readUInt32BE(1);
    if (length > this.#maxBytes) {
      const text = `message size ${length} is larger than configured readMaxBytes ${this.#maxBytes}`;
      return new ConnectError(text, Code.ResourceExhausted);
    }
    return this.#bytes > headerBytes + length ? extraMessage() : null;
  }

  /** The message, once the request has come in full. */
  finish(): Buffer | ConnectError {
    if (this.#bytes === 0) return missingMessage();
    if (this.#chunks.length > 0) this.#buffer = Buffer.concat([this.#buffer, ...this.#chunks], this.#bytes);
    const buffer = this.#buffer;
    if (buffer.length < headerBytes || buffer.length < headerBytes + buffer.readUInt32BE(1)) {
      return new ConnectError('protocol error: incomplete envelope', Code.InvalidArgument);
    }
    if ((buffer[0]! & compressedFlag) !== 0) {
      return new ConnectError('received compressed envelope, but do not know how to decompress', Code.Internal);
    }
    return buffer.subarray(headerBytes);
  }
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
