import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  truncateSync,
  unlink,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { platform } from 'node:os';
import { StoreError } from '../store.ts';
import { type Frame, readFrame } from './beat-frame.ts';
import { type JournalPosition, listSegments, segmentPath } from './segment-files.ts';

export type BeatJournalOptions = {
  directory: string;
  /** Sync each append to the disk, so that it survives a power cut. */
  sync: boolean;
  /** From this size on a segment is closed and the next begun, bytes. */
  segmentBytes: number;
};

type Segment = { firstId: number; bytes: number };

/**
 * Beats appended to files, a frame a commit, oldest first: what makes a ping durable, at the price of one write. Files
 * (segments) are deleted from the old end once their beats are stored elsewhere.
 */
export class BeatJournal {
  readonly #options: BeatJournalOptions;
  #segments: Segment[];
  #file: number | null = null;
  /** The size before the last append; what is behind it when an append failed must go before the next. */
  #before = 0;
  #isTorn = false;
  #appendedBytes = 0;
  /** Segments that are being deleted. */
  readonly #deletions = new Set<Promise<void>>();

  /** `read` must be called before anything is appended. */
  constructor(options: BeatJournalOptions) {
    this.#options = options;
    this.#segments = fileErrors('read', () => listSegments(options.directory)).map((firstId) => ({
      firstId,
      bytes: 0,
    }));
  }

  /**
   * Hands over what is there, oldest first, up to a frame for which `visit` returns false: that frame and what is behind
   * it is cut off. So is a torn frame at the end, which nobody was told about.
   *
   * @throws StoreError `io` when a file cannot be read, or is damaged elsewhere than at the journal's end.
   */
  read(visit: (frame: Frame, segment: number) => boolean): void {
    for (const [index, segment] of this.#segments.entries()) {
      const path = segmentPath(this.#options.directory, segment.firstId);
      const bytes = fileErrors('read', () => readFileSync(path));
      let accepted = true;
      for (let frame = readFrame(bytes, 0); frame !== null; frame = readFrame(bytes, segment.bytes)) {
        accepted = visit(frame, segment.firstId);
        if (!accepted) break;
        segment.bytes = frame.end;
      }
      if (segment.bytes === bytes.length) continue;
      if (accepted && index < this.#segments.length - 1) throw damaged(path, segment.bytes);
      fileErrors('written', () => truncateSync(path, segment.bytes));
      for (const { firstId } of this.#segments.splice(index + 1)) {
        // At once: a file of this name may be begun again.
        unlinkSync(segmentPath(this.#options.directory, firstId));
      }
      return;
    }
  }

  /** Behind the newest beat; null when there is none. */
  get end(): JournalPosition | null {
    const last = this.#segments.at(-1);
    return last === undefined ? null : { segment: last.firstId, bytes: last.bytes };
  }

  /** Whether the next frame will begin a segment. */
  get isAtSegmentEnd(): boolean {
    const last = this.#segments.at(-1);
    return last === undefined || last.bytes >= this.#options.segmentBytes;
  }

  /** Bytes of all segments. */
  get bytes(): number {
    return this.bytesBehind({ segment: 0, bytes: 0 });
  }

  /** Bytes appended since it was opened, those in segments that are gone included. */
  get appendedBytes(): number {
    return this.#appendedBytes;
  }

  /** Bytes that are behind a place in it. */
  bytesBehind({ segment, bytes }: JournalPosition): number {
    let behind = 0;
    for (const each of this.#segments) {
      if (each.firstId > segment) behind += each.bytes;
      else if (each.firstId === segment) behind += each.bytes - bytes;
    }
    return behind;
  }

  /**
   * Appends the frame of a commit whose first beat is `firstId`, whole or not at all; durable when it returns.
   *
   * @throws StoreError `full`, `io`.
   */
  append(frame: Buffer, firstId: number): void {
    this.mend();
    try {
      this.#write(frame, firstId);
    } catch (error) {
      this.#tryCut();
      throw error;
    }
  }

  /**
   * Cuts off what a failed append has left, if it could not be cut off then. To be called before anything is stored that
   * the journal does not know of: a start must not find a refused beat behind it.
   *
   * @throws StoreError `io`.
   */
  mend(): void {
    if (this.#isTorn) fileErrors('written', () => this.#cut());
  }

  #write(frame: Buffer, firstId: number): void {
    fileErrors('written', () => {
      const { segment, file } = this.#writable(firstId);
      this.#before = segment.bytes;
      this.#isTorn = true;
      for (let done = 0; done < frame.length; ) {
        done += writeSync(file, frame, done, frame.length - done, segment.bytes + done);
      }
      if (this.#options.sync) fdatasyncSync(file);
      this.#isTorn = false;
      segment.bytes += frame.length;
      this.#appendedBytes += frame.length;
    });
  }

  /** Takes the last append back: the transaction that belongs to it failed. */
  undo(): void {
    this.#segments.at(-1)!.bytes = this.#before;
    this.#isTorn = true;
    this.#tryCut();
  }

  #tryCut(): void {
    try {
      if (this.#isTorn) this.#cut();
    } catch {
      // `mend` tries it again before anything else is stored.
    }
  }

  /** Deletes the segments all of whose beats are at most `id`, but never the one that is written to. */
  dropUpTo(id: number): number[] {
    const dropped: number[] = [];
    while (this.#segments.length > 1 && this.#segments[1]!.firstId <= id + 1) {
      const { firstId } = this.#segments.shift()!;
      this.#delete(firstId);
      dropped.push(firstId);
    }
    return dropped;
  }

  /** When it resolves nothing is being deleted any more: the directory can be opened again. */
  async close(): Promise<void> {
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
    await Promise.all(this.#deletions);
  }

  #writable(firstId: number): { segment: Segment; file: number } {
    if (this.isAtSegmentEnd) return this.#begin(firstId);
    const last = this.#segments.at(-1)!;
    this.#file ??= openSync(segmentPath(this.#options.directory, last.firstId), 'r+', 0o600);
    return { segment: last, file: this.#file };
  }

  #begin(firstId: number): { segment: Segment; file: number } {
    const { directory, sync } = this.#options;
    const file = openSync(segmentPath(directory, firstId), 'w', 0o600);
    if (sync) syncDirectory(directory);
    // What is complete goes to the disk by itself, so that a power cut can only take the newest.
    if (this.#file !== null) finish(this.#file);
    const segment = { firstId, bytes: 0 };
    this.#segments.push(segment);
    this.#file = file;
    return { segment, file };
  }

  #cut(): void {
    const { firstId, bytes } = this.#segments.at(-1)!;
    if (this.#file === null) truncateSync(segmentPath(this.#options.directory, firstId), bytes);
    else ftruncateSync(this.#file, bytes);
    this.#isTorn = false;
  }

  #delete(firstId: number): void {
    // Away from the serving thread: freeing the blocks of a large file takes its time. A file that stays is read again.
    const path = segmentPath(this.#options.directory, firstId);
    const deletion = new Promise<void>((resolve) => unlink(path, () => resolve()));
    this.#deletions.add(deletion);
    deletion.then(() => this.#deletions.delete(deletion));
  }
}

function finish(file: number): void {
  fdatasync(file, () => closeSync(file));
}

/** So that the new file is found after a power cut. Windows has no such call, and needs none. */
function syncDirectory(directory: string): void {
  if (platform() === 'win32') return;
  const file = openSync(directory, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function fileErrors<T>(verb: 'read' | 'written', work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') {
      throw new StoreError('full', `the disk is full (${message})`, { cause });
    }
    throw new StoreError('io', `the journal of beats cannot be ${verb} (${message})`, { cause });
  }
}

function damaged(path: string, bytes: number): StoreError {
  const text = `${path} is damaged at byte ${bytes}: restore it, or move it away and lose the beats in it`;
  return new StoreError('io', text);
}
