import { crc32 } from 'node:zlib';
import type { BeatRecord } from '../../engine/domain/monitor.ts';

/** A beat as the journal holds it. */
export type JournalBeat = BeatRecord & {
  /** Grows by one with each beat. */
  id: number;
  monitorId: number;
  /** Set on a beat whose whole effect was to move its monitor: up, due `frequencyMs` after `atMs`. */
  move: { frequencyMs: number; graceMs: number } | null;
};

/** What one commit appended. */
export type Frame = {
  /** Number of the database transaction that belongs to it, without which it does not count; 0: it stands alone. */
  transaction: number;
  beats: JournalBeat[];
  /** Where the next frame begins, bytes. */
  end: number;
};

// Layout, little-endian: u32 bytes of the payload, u32 CRC-32 of the payload; payload: f64 id of the first beat,
// f64 transaction, then the beats. A beat: u8 status and flags, f64 monitor id, f64 at_ms, f64 received_ms;
// with `moves` f64 frequency_ms, f64 grace_ms; with `details` f64 duration_ms and f64 exit_code (NaN: none), then message,
// run and beat_id, each u32 bytes and UTF-8.
const headBytes = 8;
const payloadHeadBytes = 16;
const beatBytes = 25;
const moveBytes = 16;
const detailBytes = 28;
const moves = 0x10;
const details = 0x20;
const statuses: readonly BeatRecord['status'][] = ['ok', 'start', 'fail', 'log'];
/** A buffer that one large batch made grow is not kept. */
const keptBytes = 2 ** 20;

/** Encodes the beats of one commit. Used again and again: the bytes it gives are good until the next `begin`. */
export class FrameWriter {
  #buffer = Buffer.allocUnsafeSlow(65_536);
  #view = new DataView(this.#buffer.buffer);
  #at = 0;
  #beats = 0;

  /** Beats in the frame so far. */
  get beats(): number {
    return this.#beats;
  }

  begin(firstId: number): void {
    if (this.#buffer.length > keptBytes) this.#resize(keptBytes);
    this.#view.setFloat64(headBytes, firstId, true);
    this.#at = headBytes + payloadHeadBytes;
    this.#beats = 0;
  }

  add(monitorId: number, beat: BeatRecord, move: { frequencyMs: number; graceMs: number } | null): void {
    const { message, durationMs, exitCode, run, beatId } = beat;
    const hasDetails = message !== '' || durationMs !== null || exitCode !== null || run !== '' || beatId !== '';
    // UTF-8 takes at most three bytes for each UTF-16 unit.
    const textBytes = hasDetails ? 3 * (message.length + run.length + beatId.length) : 0;
    this.#reserve(beatBytes + moveBytes + detailBytes + textBytes);
    const view = this.#view;
    const at = this.#at;
    view.setUint8(at, statuses.indexOf(beat.status) | (move === null ? 0 : moves) | (hasDetails ? details : 0));
    view.setFloat64(at + 1, monitorId, true);
    view.setFloat64(at + 9, beat.atMs, true);
    view.setFloat64(at + 17, beat.receivedMs, true);
    this.#at = at + beatBytes;
    if (move !== null) {
      view.setFloat64(this.#at, move.frequencyMs, true);
      view.setFloat64(this.#at + 8, move.graceMs, true);
      this.#at += moveBytes;
    }
    if (hasDetails) {
      view.setFloat64(this.#at, durationMs ?? Number.NaN, true);
      view.setFloat64(this.#at + 8, exitCode ?? Number.NaN, true);
      this.#at += 16;
      this.#addText(message);
      this.#addText(run);
      this.#addText(beatId);
    }
    this.#beats += 1;
  }

  /** `transaction`: see `Frame`. */
  finish(transaction: number): Buffer {
    this.#view.setFloat64(headBytes + 8, transaction, true);
    const frame = this.#buffer.subarray(0, this.#at);
    this.#view.setUint32(0, this.#at - headBytes, true);
    this.#view.setUint32(4, crc32(frame.subarray(headBytes)), true);
    return frame;
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
  let id = bytes.readDoubleLE(from);
  for (const reader = new BeatReader(bytes, from + payloadHeadBytes); reader.at < end; id++)
    beats.push(reader.read(id));
  return { transaction: bytes.readDoubleLE(from + 8), beats, end };
}

class BeatReader {
  at: number;
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
    const beat: JournalBeat = { id, monitorId, move, status: statuses[kind & 0xf]!, atMs, receivedMs, ...noDetails };
    if ((kind & details) === 0) return beat;
    beat.durationMs = nullable(this.#number());
    beat.exitCode = nullable(this.#number());
    beat.message = this.#text();
    beat.run = this.#text();
    beat.beatId = this.#text();
    return beat;
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
}

const noDetails = { message: '', durationMs: null, exitCode: null, run: '', beatId: '' };

function nullable(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
