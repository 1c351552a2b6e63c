import { crc32 } from 'node:zlib';
import type { BeatRecord } from '../../engine/domain/monitor.ts';
import { type Source, SourceIds } from './source-ids.ts';

/** A beat as the journal holds it. */
export type JournalBeat = Omit<BeatRecord, 'address' | 'userAgent'> & {
  /** Grows by one with each beat. */
  id: number;
  monitorId: number;
  /** Set on a beat whose whole effect was to move its monitor: up, due `frequencyMs` after `atMs`. */
  move: { frequencyMs: number; graceMs: number } | null;
  /** Id of the source it came from, which this frame or an earlier one of the segment defines; 0: not known. */
  source: number;
};

/** What one commit appended. */
export type Frame = {
  /** Number of the database transaction that belongs to it, without which it does not count; 0: it stands alone. */
  transaction: number;
  beats: JournalBeat[];
  /** The sources that it defines. */
  sources: Source[];
  /** Where the next frame begins, bytes. */
  end: number;
};

// Layout, little-endian: u32 bytes of the payload, u32 CRC-32 of the payload; payload: f64 id of the first beat,
// f64 transaction, then the beats. A beat: u8 status and flags, f64 monitor id, f64 at_ms, f64 received_ms;
// with `moves` f64 frequency_ms, f64 grace_ms; with `sourced` u48 id of its source, and with `defines` the source itself,
// address and user agent, each u32 bytes and UTF-8; with `details` f64 duration_ms and f64 exit_code (NaN: none), then
// message, run and beat_id, each u32 bytes and UTF-8; with `embodied` u32 bytes and the body.
const headBytes = 8;
const payloadHeadBytes = 16;
const beatBytes = 25;
const moveBytes = 16;
const sourceBytes = 6;
const definitionBytes = 8;
const detailBytes = 28;
const bodyHeadBytes = 4;
const statusBits = 0x07;
const embodied = 0x08;
const moves = 0x10;
const details = 0x20;
const sourced = 0x40;
const defines = 0x80;
const statuses: readonly BeatRecord['status'][] = ['ok', 'start', 'fail', 'log', 'keep_alive'];
/** A buffer that one large batch made grow is not kept. */
const keptBytes = 2 ** 20;

/** Encodes the beats of one commit. Used again and again: the bytes it gives are good until the next `begin`. */
export class FrameWriter {
  #buffer = Buffer.allocUnsafeSlow(65_536);
  #view = new DataView(this.#buffer.buffer);
  #at = 0;
  #beats = 0;
  readonly #sources = new SourceIds();
  /** A source is defined once per epoch: a segment, unless an append fails. */
  #epoch = 1;
  #isStored = true;

  /** Beats in the frame so far. */
  get beats(): number {
    return this.#beats;
  }

  /** `isFirst`: it will be the first of its segment, which must be readable without the ones before. */
  begin(firstId: number, { isFirst }: { isFirst: boolean }): void {
    if (this.#buffer.length > keptBytes) this.#resize(keptBytes);
    this.#view.setFloat64(headBytes, firstId, true);
    this.#at = headBytes + payloadHeadBytes;
    this.#beats = 0;
    // What a frame defined that was not stored is not defined.
    if (isFirst || !this.#isStored) this.#epoch += 1;
    this.#isStored = true;
  }

  add(monitorId: number, beat: BeatRecord, move: { frequencyMs: number; graceMs: number } | null): void {
    const { message, body, durationMs, exitCode, run, beatId } = beat;
    const hasDetails = message !== '' || durationMs !== null || exitCode !== null || run !== '' || beatId !== '';
    const source = this.#sources.find(beat.address, beat.userAgent);
    const isNew = source !== null && source.epoch !== this.#epoch;
    // UTF-8 takes at most three bytes for each UTF-16 unit.
    let bytes = beatBytes + moveBytes + sourceBytes + detailBytes;
    if (hasDetails) bytes += 3 * (message.length + run.length + beatId.length);
    if (isNew) bytes += definitionBytes + 3 * (source.address.length + source.userAgent.length);
    if (body !== null) bytes += bodyHeadBytes + body.length;
    this.#reserve(bytes);
    const view = this.#view;
    const at = this.#at;
    let kind = statuses.indexOf(beat.status);
    if (move !== null) kind |= moves;
    if (source !== null) kind |= isNew ? sourced | defines : sourced;
    if (hasDetails) kind |= details;
    if (body !== null) kind |= embodied;
    view.setUint8(at, kind);
    view.setFloat64(at + 1, monitorId, true);
    view.setFloat64(at + 9, beat.atMs, true);
    view.setFloat64(at + 17, beat.receivedMs, true);
    this.#at = at + beatBytes;
    if (move !== null) {
      view.setFloat64(this.#at, move.frequencyMs, true);
      view.setFloat64(this.#at + 8, move.graceMs, true);
      this.#at += moveBytes;
    }
    if (source !== null) {
      view.setUint32(this.#at, source.id % 2 ** 32, true);
      view.setUint16(this.#at + 4, source.id / 2 ** 32, true);
      this.#at += sourceBytes;
    }
    if (isNew) {
      this.#addText(source.address);
      this.#addText(source.userAgent);
      source.epoch = this.#epoch;
    }
    if (hasDetails) {
      view.setFloat64(this.#at, durationMs ?? Number.NaN, true);
      view.setFloat64(this.#at + 8, exitCode ?? Number.NaN, true);
      this.#at += 16;
      this.#addText(message);
      this.#addText(run);
      this.#addText(beatId);
    }
    if (body !== null) this.#addBody(body);
    this.#beats += 1;
    this.#isStored = false;
  }

  /** `transaction`: see `Frame`. */
  finish(transaction: number): Buffer {
    this.#view.setFloat64(headBytes + 8, transaction, true);
    const frame = this.#buffer.subarray(0, this.#at);
    this.#view.setUint32(0, this.#at - headBytes, true);
    this.#view.setUint32(4, crc32(frame.subarray(headBytes)), true);
    return frame;
  }

  /** It is in the journal, for good. */
  stored(): void {
    this.#isStored = true;
  }

  #addBody(body: Uint8Array): void {
    this.#view.setUint32(this.#at, body.length, true);
    this.#buffer.set(body, this.#at + bodyHeadBytes);
    this.#at += bodyHeadBytes + body.length;
  }

  #addText(text: string): void {
    const bytes = text === '' ? 0 : this.#buffer.write(text, this.#at + 4);
    this.#view.setUint32(this.#at, bytes, true);
    this.#at += 4 + bytes;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes > this.#buffer.length) this.#resize(Math.max(this.#buffer.length * 2, this.#at + bytes));
  }

  #resize(bytes: number): void {
    const next = Buffer.allocUnsafeSlow(bytes);
    this.#buffer.copy(next, 0, 0, Math.min(this.#at, bytes));
    this.#buffer = next;
    this.#view = new DataView(next.buffer);
  }
}

/** The frame that begins at byte `at`; null when none does that is whole and undamaged. */
export function readFrame(bytes: Buffer, at: number): Frame | null {
  if (at + headBytes + payloadHeadBytes > bytes.length) return null;
  const payloadBytes = bytes.readUInt32LE(at);
  const from = at + headBytes;
  const end = from + payloadBytes;
  if (payloadBytes < payloadHeadBytes || end > bytes.length) return null;
  if (crc32(bytes.subarray(from, end)) !== bytes.readUInt32LE(at + 4)) return null;
  const beats: JournalBeat[] = [];
  const reader = new BeatReader(bytes, from + payloadHeadBytes);
  for (let id = bytes.readDoubleLE(from); reader.at < end; id++) beats.push(reader.read(id));
  return { transaction: bytes.readDoubleLE(from + 8), beats, sources: reader.sources, end };
}

class BeatReader {
  at: number;
  readonly sources: Source[] = [];
  readonly #bytes: Buffer;
  readonly #view: DataView;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = at;
  }

  read(id: number): JournalBeat {
    const kind = this.#bytes[this.at++]!;
    const monitorId = this.#number();
    const atMs = this.#number();
    const receivedMs = this.#number();
    const move = (kind & moves) === 0 ? null : { frequencyMs: this.#number(), graceMs: this.#number() };
    const source = (kind & sourced) === 0 ? 0 : this.#source((kind & defines) !== 0);
    const status = statuses[kind & statusBits]!;
    const beat: JournalBeat = { id, monitorId, move, source, status, atMs, receivedMs, ...noDetails };
    if ((kind & details) !== 0) {
      beat.durationMs = nullable(this.#number());
      beat.exitCode = nullable(this.#number());
      beat.message = this.#text();
      beat.run = this.#text();
      beat.beatId = this.#text();
    }
    if ((kind & embodied) !== 0) beat.body = this.#body();
    return beat;
  }

  #source(isDefined: boolean): number {
    const id = this.#bytes.readUIntLE(this.at, sourceBytes);
    this.at += sourceBytes;
    if (isDefined) this.sources.push({ id, address: this.#text(), userAgent: this.#text() });
    return id;
  }

  #number(): number {
    const value = this.#view.getFloat64(this.at, true);
    this.at += 8;
    return value;
  }

  #text(): string {
    const from = this.at + 4;
    this.at = from + this.#view.getUint32(this.at, true);
    return from === this.at ? '' : this.#bytes.toString('utf8', from, this.at);
  }

  /** A copy: the rest of the file need not be kept for it. */
  #body(): Uint8Array {
    const from = this.at + bodyHeadBytes;
    this.at = from + this.#view.getUint32(this.at, true);
    return new Uint8Array(this.#bytes.subarray(from, this.at));
  }
}

const noDetails = { message: '', body: null, durationMs: null, exitCode: null, run: '', beatId: '' };

function nullable(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
