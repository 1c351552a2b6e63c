import { constants, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { DescMethod, Message } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { setTrailerStatus } from '@connectrpc/connect/protocol-grpc';
import type { Clock } from '../../clock.ts';
import { binaryReader } from '../codec/binary-reader.ts';
import { binaryWriter } from '../codec/binary-writer.ts';
import { encodeGrpcMessage } from '../grpc-message.ts';
import type { CallReceiver, InvokeContext, Invoker } from '../invoker.ts';
import { reviseParseError } from '../parse-error.ts';
import type { CallDeadline } from './call-deadline.ts';
import { EnvelopeReader, envelope } from './envelope-reader.ts';
import { acceptedCompression, compressMinBytes } from './response-compression.ts';
import type { StreamTimeLimit } from './stream-time-limit.ts';

export type GrpcCallOptions = {
  method: DescMethod;
  invoker: Invoker;
  clock: Clock;
  headers: IncomingHttpHeaders;
  maxBodyBytes: number;
  timeLimit: StreamTimeLimit;
  deadline: CallDeadline | null;
};

const contentType = 'application/grpc+proto';
const withTrailers = { waitForTrailers: true };
const okTrailers = { 'grpc-status': '0' };

/** One unary gRPC call on its HTTP/2 stream: reads the message, has it served, answers. */
export class GrpcCall implements InvokeContext, CallReceiver {
  readonly receivedMs: number;
  readonly deadline: AbortSignal | null;
  readonly #stream: ServerHttp2Stream;
  readonly #session: ServerHttp2Session | undefined;
  readonly #options: GrpcCallOptions;
  readonly #reader: EnvelopeReader;
  #controller: AbortController | null = null;
  #answered = false;

  constructor(stream: ServerHttp2Stream, options: GrpcCallOptions) {
    this.#stream = stream;
    this.#session = stream.session as ServerHttp2Session | undefined;
    this.#options = options;
    this.#reader = new EnvelopeReader(options.maxBodyBytes);
    this.receivedMs = options.clock.wallMs();
    this.deadline = options.deadline?.signal ?? null;
    options.timeLimit.begin(stream);
    stream.on('error', ignore);
    stream.on('data', (chunk: Buffer) => this.#onData(chunk));
    stream.on('end', () => this.#onEnd());
    stream.on('close', () => this.#onClose());
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      const controller = new AbortController();
      this.#controller = controller;
      const { deadline } = this;
      if (this.#stream.destroyed && !this.#answered) this.#onClose();
      else if (deadline?.aborted) controller.abort(deadline.reason);
      else deadline?.addEventListener('abort', () => controller.abort(deadline.reason), { once: true });
    }
    return this.#controller.signal;
  }

  get remoteAddress(): string {
    return this.#session?.socket?.remoteAddress ?? '';
  }

  get userAgent(): string {
    return this.#options.headers['user-agent'] ?? '';
  }

  header(name: string): string | null {
    const value = this.#options.headers[name.toLowerCase()];
    return Array.isArray(value) ? value.join(', ') : (value ?? null);
  }

  answer(answer: object): void {
    const message = binaryWriter(this.#options.method.output)(answer);
    const compression = acceptedCompression(this.#options.headers['grpc-accept-encoding'] as string | undefined);
    if (compression === null || message.length < compressMinBytes) {
      this.#respond(envelope(message, false), compression?.name);
      return;
    }
    compression.compress(message).then(
      (compressed) => this.#respond(envelope(compressed, true), compression.name),
      (error) => this.fail(new ConnectError('internal error', Code.Internal, undefined, undefined, error)),
    );
  }

  /** An answer of headers alone, which gRPC calls "trailers-only". */
  fail(error: ConnectError): void {
    if (!this.#settle()) return;
    reviseParseError(error);
    const trailers = setTrailerStatus(new Headers(), error);
    trailers.set('grpc-message', encodeGrpcMessage(error.rawMessage));
    const headers = { ':status': 200, 'content-type': contentType, ...Object.fromEntries(trailers) };
    this.#stream.respond(headers, { endStream: true });
    this.#options.clock.afterIo(() => this.#dropRest());
  }

  #respond(body: Buffer, encoding: string | undefined): void {
    if (!this.#settle()) return;
    const stream = this.#stream;
    const headers = { ':status': 200, 'content-type': contentType };
    stream.respond(encoding === undefined ? headers : { ...headers, 'grpc-encoding': encoding }, withTrailers);
    stream.on('wantTrailers', sendOkTrailers);
    stream.end(body);
  }

  /** False when there is nobody to answer, or it was done. */
  #settle(): boolean {
    this.#options.deadline?.cancel();
    if (this.#answered || this.#stream.destroyed || this.#stream.closed) return false;
    this.#answered = true;
    return true;
  }

  #onData(chunk: Buffer): void {
    if (this.#answered) return;
    const error = this.#reader.push(chunk);
    if (error === null) return;
    this.#options.timeLimit.end(this.#stream);
    this.fail(error);
  }

  #onEnd(): void {
    const { timeLimit, invoker, method } = this.#options;
    timeLimit.end(this.#stream);
    if (this.#answered) return;
    const message = this.#parse();
    if (message instanceof ConnectError) this.fail(message);
    else invoker.run(method, { message, context: this, receiver: this });
  }

  #parse(): Message | ConnectError {
    const body = this.#reader.finish();
    if (body instanceof ConnectError) return body;
    try {
      return binaryReader(this.#options.method.input)(body);
    } catch (error) {
      return new ConnectError(`parse binary: ${(error as Error).message}`, Code.Internal);
    }
  }

  #onClose(): void {
    const { timeLimit, deadline } = this.#options;
    timeLimit.end(this.#stream);
    deadline?.cancel();
    if (!this.#answered) this.#controller?.abort(new ConnectError('the caller left', Code.Canceled));
  }

  /** An answer that is complete before its request would leave the stream open for as long as the client likes. */
  #dropRest(): void {
    if (!this.#stream.readableEnded && !this.#stream.destroyed) this.#stream.close(constants.NGHTTP2_NO_ERROR);
  }
}

function ignore(): void {}

function sendOkTrailers(this: ServerHttp2Stream): void {
  this.sendTrailers(okTrailers);
}
