import {
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { DescMethod, Message } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { setTrailerStatus } from '@connectrpc/connect/protocol-grpc';
import type { Clock } from '../../clock.ts';
import { boundErrorText } from '../bound-error-text.ts';
import type { BinaryReader } from '../codec/binary-reader.ts';
import type { BinaryWriter } from '../codec/binary-writer.ts';
import { encodeGrpcMessage } from '../grpc-message.ts';
import type { CallReceiver, InvokeContext, Invoker } from '../invoker.ts';
import { reviseParseError } from '../parse-error.ts';
import type { CallDeadline } from './call-deadline.ts';
import { EnvelopeReader, envelope } from './envelope-reader.ts';
import { type AcceptedCompressions, allCompressions, compressMinBytes } from './response-compression.ts';
import type { StreamTimeLimit, TimedStream } from './stream-time-limit.ts';

/** What all calls of a method share. */
export type GrpcMethod = {
  method: DescMethod;
  read: BinaryReader;
  write: BinaryWriter;
  invoker: Invoker;
  clock: Clock;
  maxBodyBytes: number;
  timeLimit: StreamTimeLimit;
  compressions: AcceptedCompressions;
};

/** A stream knows its call, so that all streams can have the same listeners. */
const call = Symbol('call');
type CallStream = ServerHttp2Stream & { [call]?: GrpcCall | undefined };

const withTrailers = { waitForTrailers: true };
const okTrailers = { 'grpc-status': '0' };
const answerHeaders: OutgoingHttpHeaders = { ':status': 200, 'content-type': 'application/grpc+proto' };
/** The same, naming the compression that the caller takes. */
const encodedHeaders = new Map<string, OutgoingHttpHeaders>(
  allCompressions.map(({ name }) => [name, { ...answerHeaders, 'grpc-encoding': name }]),
);

/** One unary gRPC call on its HTTP/2 stream: reads the message, has it served, answers. */
export class GrpcCall implements InvokeContext, CallReceiver {
  readonly receivedMs: number;
  readonly deadline: AbortSignal | null;
  readonly #method: GrpcMethod;
  readonly #stream: CallStream;
  readonly #session: ServerHttp2Session | undefined;
  readonly #headers: IncomingHttpHeaders;
  readonly #deadline: CallDeadline | null;
  readonly #reader: EnvelopeReader;
  readonly #timed: TimedStream;
  readonly #onClose: () => void;
  #controller: AbortController | null = null;
  #answered = false;

  constructor(
    stream: ServerHttp2Stream,
    options: { method: GrpcMethod; headers: IncomingHttpHeaders; deadline: CallDeadline | null; onClose: () => void },
  ) {
    const { method } = options;
    this.#method = method;
    this.#stream = stream;
    this.#session = stream.session as ServerHttp2Session | undefined;
    this.#headers = options.headers;
    this.#deadline = options.deadline;
    this.#reader = new EnvelopeReader(method.maxBodyBytes);
    this.#timed = method.timeLimit.begin(stream);
    this.#onClose = options.onClose;
    this.receivedMs = method.clock.wallMs();
    this.deadline = options.deadline?.signal ?? null;
    this.#stream[call] = this;
    stream.on('error', ignore);
    stream.on('data', onData);
    stream.on('end', onEnd);
    stream.on('close', onClose);
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      const controller = new AbortController();
      this.#controller = controller;
      const { deadline } = this;
      if (this.#stream.destroyed && !this.#answered) controller.abort(callerLeft());
      else if (deadline?.aborted) controller.abort(deadline.reason);
      else deadline?.addEventListener('abort', () => controller.abort(deadline.reason), { once: true });
    }
    return this.#controller.signal;
  }

  get remoteAddress(): string {
    return this.#session?.socket?.remoteAddress ?? '';
  }

  get userAgent(): string {
    return this.#headers['user-agent'] ?? '';
  }

  header(name: string): string | null {
    const value = this.#headers[name.toLowerCase()];
    return Array.isArray(value) ? value.join(', ') : (value ?? null);
  }

  answer(answer: object): void {
    const { write, compressions } = this.#method;
    const message = write(answer);
    const compression = compressions.of(this.#headers['grpc-accept-encoding'] as string | undefined);
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
    boundErrorText(error);
    const trailers = setTrailerStatus(new Headers(), error);
    trailers.set('grpc-message', encodeGrpcMessage(error.rawMessage));
    this.#stream.respond({ ...answerHeaders, ...Object.fromEntries(trailers) }, { endStream: true });
    this.#method.clock.afterIo(() => this.#dropRest());
  }

  #respond(body: Buffer, encoding: string | undefined): void {
    if (!this.#settle()) return;
    const stream = this.#stream;
    stream.respond(encoding === undefined ? answerHeaders : encodedHeaders.get(encoding), withTrailers);
    stream.on('wantTrailers', sendOkTrailers);
    stream.end(body);
  }

  /** False when there is nobody to answer, or it was done. */
  #settle(): boolean {
    this.#deadline?.cancel();
    if (this.#answered || this.#stream.destroyed || this.#stream.closed) return false;
    this.#answered = true;
    return true;
  }

  /** Takes what came of the request. */
  push(chunk: Buffer): void {
    if (this.#answered) return;
    const error = this.#reader.push(chunk);
    if (error === null) return;
    this.#method.timeLimit.end(this.#timed);
    this.fail(error);
  }

  /** The request has come in full. */
  run(): void {
    const { timeLimit, invoker, method } = this.#method;
    timeLimit.end(this.#timed);
    if (this.#answered) return;
    const message = this.#parse();
    if (message instanceof ConnectError) {
      invoker.refused(method, message);
      this.fail(message);
      return;
    }
    invoker.run(method, { message, context: this, receiver: this });
  }

  /** The stream is gone, answered or not. */
  close(): void {
    this.#method.timeLimit.end(this.#timed);
    this.#deadline?.cancel();
    if (!this.#answered) this.#controller?.abort(callerLeft());
    this.#onClose();
  }

  #parse(): Message | ConnectError {
    const body = this.#reader.finish();
    if (body instanceof ConnectError) return body;
    try {
      return this.#method.read(body);
    } catch (error) {
      return new ConnectError(`parse binary: ${(error as Error).message}`, Code.Internal);
    }
  }

  /** An answer that is complete before its request would leave the stream open for as long as the client likes. */
  #dropRest(): void {
    if (!this.#stream.readableEnded && !this.#stream.destroyed) this.#stream.close(constants.NGHTTP2_NO_ERROR);
  }
}

function onData(this: CallStream, chunk: Buffer): void {
  this[call]?.push(chunk);
}

function onEnd(this: CallStream): void {
  this[call]?.run();
}

function onClose(this: CallStream): void {
  this[call]?.close();
  // Node's handle holds a closed stream until the next full garbage collection: what that holds would pile up until then.
  this[call] = undefined;
}

function callerLeft(): ConnectError {
  return new ConnectError('the caller left', Code.Canceled);
}

function ignore(): void {}

function sendOkTrailers(this: ServerHttp2Stream): void {
  this.sendTrailers(okTrailers);
}
