import { connect, type Socket } from 'node:net';
import { create, toBinary } from '@bufbuild/protobuf';
import { PingRequestSchema } from '../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import { monitorName, numberOffset, patchNumber } from '../monitor-names.ts';
import {
  clientPreface,
  encodeFrame,
  frameFlag,
  frameHeadBytes,
  frameType,
  requestHeaderBlocks,
  windowUpdate,
} from './h2-frames.ts';
import { longFrequency } from './http1-requests.ts';
import type { AnswerListener, LoadConnection, LoadConnectionEvents } from './load-connection.ts';

/** Calls under way are found by the low bits of their number; one that takes longer than so many others is an error. */
const slots = 65_536;
const windowTopUpBytes = 2 ** 24;
const emptyGrpcMessageBytes = 5;

type Options = { port: number; nextNumber: () => number } & LoadConnectionEvents;

/**
 * A gRPC client on a bare socket that writes prepared HTTP/2 frames and reads of the answers only the frame heads. An
 * answer is good when it has a message: gRPC servers answer errors with trailers alone.
 */
export class GrpcConnection implements LoadConnection {
  readonly #socket: Socket;
  readonly #nextNumber: () => number;
  readonly #onAnswer: AnswerListener;
  readonly #onBroken: (problem: string) => void;
  readonly #template: { first: Buffer; further: Buffer };
  /** Stream id and start of each call under way, and whether its message came. */
  readonly #ids = new Int32Array(slots);
  readonly #startedMs = new Float64Array(slots);
  readonly #answered = new Uint8Array(slots);
  #nextId = 1;
  #outgoing: Buffer[] = [];
  #rest: Buffer = Buffer.alloc(0);
  #unacknowledgedBytes = 0;
  #closed = false;

  constructor({ port, nextNumber, onAnswer, onBroken }: Options) {
    this.#nextNumber = nextNumber;
    this.#onAnswer = onAnswer;
    this.#onBroken = onBroken;
    this.#template = pingFrames();
    this.#outgoing.push(clientPreface());
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk));
    this.#socket.on('error', (error) => this.#break(error.message));
    this.#socket.on('end', () => this.#break('the server closed the connection'));
  }

  send(startedMs: number): void {
    const id = this.#nextId;
    this.#nextId += 2;
    const slot = (id >>> 1) & (slots - 1);
    this.#ids[slot] = id;
    this.#startedMs[slot] = startedMs;
    this.#answered[slot] = 0;
    const template = id === 1 ? this.#template.first : this.#template.further;
    const frames = Buffer.allocUnsafe(template.length);
    frames.set(template);
    frames.writeUInt32BE(id, 5);
    frames.writeUInt32BE(id, frameHeadBytes + frames.readUIntBE(0, 3) + 5);
    patchNumber(frames, id === 1 ? numberAt.first : numberAt.further, this.#nextNumber());
    this.#outgoing.push(frames);
  }

  flush(): void {
    if (this.#outgoing.length === 0) return;
    const [first] = this.#outgoing;
    this.#socket.write(this.#outgoing.length === 1 ? first! : Buffer.concat(this.#outgoing));
    this.#outgoing = [];
  }

  close(): void {
    this.#closed = true;
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    const nowMs = performance.now();
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    let at = 0;
    while (at + frameHeadBytes <= bytes.length) {
      const length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
      const next = at + frameHeadBytes + length;
      if (next > bytes.length) break;
      this.#frame({ bytes, at, length, nowMs });
      at = next;
    }
    this.#rest = at < bytes.length ? bytes.subarray(at) : Buffer.alloc(0);
    this.flush();
  }

  #frame(frame: { bytes: Buffer; at: number; length: number; nowMs: number }): void {
    const { bytes, at, length, nowMs } = frame;
    const flags = bytes[at + 4]!;
    const streamId = bytes.readUInt32BE(at + 5);
    const slot = (streamId >>> 1) & (slots - 1);
    switch (bytes[at + 3]) {
      case frameType.data:
        this.#unacknowledgedBytes += length;
        if (length > emptyGrpcMessageBytes) this.#answered[slot] = 1;
        this.#topUpWindow();
        break;
      case frameType.rstStream:
        this.#end({ slot, streamId, nowMs, problem: 'the stream was reset' });
        return;
      case frameType.settings:
        if ((flags & frameFlag.ack) === 0) this.#acknowledge(frameType.settings, Buffer.alloc(0));
        return;
      case frameType.ping:
        if ((flags & frameFlag.ack) === 0)
          this.#acknowledge(frameType.ping, bytes.subarray(at + frameHeadBytes, at + frameHeadBytes + length));
        return;
      case frameType.goaway:
        this.#break('the server said GOAWAY');
        return;
      case frameType.headers:
        break;
      default:
        return;
    }
    if ((flags & frameFlag.endStream) === 0) return;
    const problem = this.#answered[slot] === 1 ? null : 'an answer without a message';
    this.#end({ slot, streamId, nowMs, problem });
  }

  #end(end: { slot: number; streamId: number; nowMs: number; problem: string | null }): void {
    const { slot, streamId, nowMs, problem } = end;
    // Reset after its end, as servers do that answer before they have read everything.
    if (this.#ids[slot] !== streamId) return;
    this.#ids[slot] = 0;
    this.#onAnswer({ connection: this, startedMs: this.#startedMs[slot]!, nowMs, problem });
  }

  #acknowledge(type: number, payload: Uint8Array): void {
    this.#outgoing.push(encodeFrame({ type, flags: frameFlag.ack, streamId: 0, payload }));
  }

  #topUpWindow(): void {
    if (this.#unacknowledgedBytes < windowTopUpBytes) return;
    this.#outgoing.push(windowUpdate(this.#unacknowledgedBytes));
    this.#unacknowledgedBytes = 0;
  }

  #break(problem: string): void {
    if (!this.#closed) this.#onBroken(problem);
  }
}

/** HEADERS and DATA of one Ping; stream ids and the number of the monitor are to be filled in. */
function pingFrames(): { first: Buffer; further: Buffer } {
  const message = toBinary(
    PingRequestSchema,
    create(PingRequestSchema, { name: monitorName(0), frequency: longFrequency }),
  );
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.byteLength, 1);
  const data = encodeFrame({
    type: frameType.data,
    flags: frameFlag.endStream,
    streamId: 0,
    payload: Buffer.concat([prefix, message]),
  });
  const blocks = requestHeaderBlocks('/tocsin.v1.HeartbeatService/Ping');
  const request = (payload: Uint8Array) =>
    Buffer.concat([encodeFrame({ type: frameType.headers, flags: frameFlag.endHeaders, streamId: 0, payload }), data]);
  return { first: request(blocks.first), further: request(blocks.further) };
}

const numberAt = (({ first, further }) => ({ first: numberOffset(first), further: numberOffset(further) }))(
  pingFrames(),
);
