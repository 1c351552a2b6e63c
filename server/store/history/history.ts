import { existsSync } from 'node:fs';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { JournalPosition } from '../journal/segment-files.ts';
import { StoreError } from '../store.ts';
import { closableDay } from './day-closing.ts';
import { forgetBeatsBehind, openHistory } from './history-database.ts';
import type { HistoryKeeperOptions } from './history-keeper.ts';
import { HistoryThread } from './history-thread.ts';
import type { HistoryQueries } from './history-worker.ts';
import { RecentBeatIds } from './recent-beat-ids.ts';

/** Beats that come after a failure until the thread is asked again. */
const retryBeats = 10_000;
/** Until the thread is asked again to close a day, ms. */
const retryMs = 60_000;
/** Ids of beats in memory, some 150 bytes each: ten times what waits for a history that can be written. */
const recentIdsMax = 1_000_000;

export type HistoryOptions = HistoryKeeperOptions & {
  /** Journal that has not been taken over before the thread is asked to, bytes. */
  behindBytes: number;
  /** Hears why the history does not grow. Pings do not depend on it. */
  onProblem: (message: string) => void;
};

/**
 * The serving thread's side of the history of beats: a thread of its own takes them over from the journal. It is started
 * when enough has come together: a small server's beats stay in the journal for long, and it has no history until then.
 */
export class History {
  readonly #options: HistoryOptions;
  /** Null until the thread has made one. */
  #connection: Connection | null = null;
  readonly #recent = new RecentBeatIds(recentIdsMax);
  #taken: JournalPosition = { segment: 0, bytes: 0 };
  readonly #thread: HistoryThread;
  #busy = false;
  #told = '';
  /** After a failure the thread is asked anew when the journal has come to this beat. */
  #retryId = 0;
  /** Null until it is told. */
  #nowMs: number | null = null;
  /** Days up to this one are closed; null: it is not known of any, and none is closed before there is a history. */
  #closedDay: number | null = null;
  /** When the thread was asked to tidy up, Unix ms; null: it need not be asked again. */
  #askedMs: number | null = null;

  /** @throws StoreError when the history cannot be opened. */
  constructor(options: HistoryOptions) {
    this.#options = options;
    const { behindBytes: _, onProblem: __, ...keeper } = options;
    this.#thread = new HistoryThread(keeper, {
      onTaken: (taken) => this.#tookOver(taken),
      onTidied: (closedDay) => this.#tidied(closedDay),
      onFailed: (message) => this.#failed(message),
    });
    if (!existsSync(options.path)) return;
    try {
      this.#connection = connect(options);
      const { segment, bytes, closedDay } = this.#connection.db
        .prepare('SELECT segment, bytes, closed_day AS closedDay FROM taken')
        .get() as JournalPosition & { closedDay: number | null };
      this.#taken = { segment, bytes };
      this.#closedDay = closedDay;
    } catch (cause) {
      throw new StoreError(
        'io',
        `the history cannot be opened (${(cause as Error).message}): move ${options.path} away to do without it`,
        { cause },
      );
    }
  }

  /** The highest id of a beat in it; 0 when it is empty. */
  get newestId(): number {
    // Those that were deleted since count as well.
    const newest = this.#connection?.db
      .prepare('SELECT max(coalesce((SELECT max(id) FROM beats), 0), linked_up_to) AS id FROM taken')
      .get() as { id: number } | undefined;
    return newest?.id ?? 0;
  }

  /** The journal was read and ends at `end` (null: it is empty); no beat after `journalId` is known. */
  begin(end: JournalPosition | null, journalId: number): void {
    const { segment, bytes } = this.#taken;
    this.#recent.forgetBefore(segment);
    if (end !== null && (end.segment > segment || (end.segment === segment && end.bytes >= bytes))) return;
    // Another journal than the one that was taken over, such as that of an older backup: from its beginning.
    this.#taken = { segment: 0, bytes: 0 };
    // They never came to anything, so a client that says them again must be heard.
    if (this.#connection) forgetBeatsBehind(this.#connection.db, journalId);
  }

  /** Whether this monitor has a beat with this id, and its time. */
  seenBeat(monitorId: number, beatId: string): { atMs: number } | undefined {
    const atMs = this.#recent.find(monitorId, beatId);
    if (atMs !== undefined) return { atMs };
    try {
      return this.#connection?.beatAt.get(monitorId, beatId) as { atMs: number } | undefined;
    } catch (error) {
      this.#tell((error as Error).message);
      return undefined;
    }
  }

  /** A beat with an id is in the journal. */
  noteBeat(segment: number, beat: { monitorId: number; beatId: string; atMs: number }): void {
    this.#recent.add(segment, beat);
  }

  /** How far the journal has been taken over: the segments before are not needed any more. */
  get taken(): JournalPosition {
    return this.#taken;
  }

  /** Segments from `segment` on were dropped before they were taken over. */
  lost(segment: number): void {
    this.#tell(`it is too far behind: beats from ${segment} on were dropped from the journal before it had them`);
  }

  /** It is `nowMs`, Unix ms: to be told now and then. */
  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    const closable = closableDay(nowMs);
    // The day before the first look belongs to a server that was not there.
    this.#closedDay ??= this.#connection ? closable - 1 : closable;
    if (closable === this.#closedDay || Math.abs(nowMs - (this.#askedMs ?? 0)) < retryMs) return;
    this.#askedMs = nowMs;
    this.#thread.tell({ kind: 'tidy', nowMs });
  }

  /** The journal ends at `end`, with the beat `journalId`; `behindBytes` of it have not been taken over. */
  follow(end: JournalPosition, { journalId, behindBytes }: { journalId: number; behindBytes: number }): void {
    if (this.#busy || journalId < this.#retryId || behindBytes < this.#options.behindBytes) return;
    this.#busy = true;
    this.#retryId = journalId + retryBeats;
    this.#thread.tell({ kind: 'take', upTo: end, nowMs: this.#nowMs });
  }

  /** Reads what was in the journal up to `end` (null: it is empty), and before. @throws StoreError `busy`, `io`. */
  read<Query extends keyof HistoryQueries>(
    query: Query,
    asked: HistoryQueries[Query]['asked'],
    end: JournalPosition | null,
  ): Promise<HistoryQueries[Query]['answer']> {
    return this.#thread.ask(query, asked, end ?? this.#taken);
  }

  async close(): Promise<void> {
    await this.#thread.close();
    this.#connection?.db.close();
    this.#connection = null;
  }

  #tidied(closedDay: number | null): void {
    this.#closedDay = closedDay;
  }

  #tookOver(taken: JournalPosition): void {
    this.#busy = false;
    this.#retryId = 0;
    try {
      this.#connection ??= connect(this.#options);
    } catch (error) {
      // Its ids stay in memory until it can be read.
      this.#failed((error as Error).message);
      return;
    }
    this.#taken = taken;
    this.#recent.forgetBefore(taken.segment);
  }

  #failed(message: string): void {
    this.#busy = false;
    this.#tell(message);
  }

  /** Once for each problem in a row. */
  #tell(message: string): void {
    if (this.#told !== message) this.#options.onProblem(message);
    this.#told = message;
  }
}

type Connection = { db: DatabaseSync; beatAt: StatementSync };

function connect(options: HistoryOptions): Connection {
  const db = openHistory(options);
  // The last condition tells SQLite that the partial index will do; without it each look-up scans the history.
  const beatAt = db.prepare("SELECT at_ms AS atMs FROM beats WHERE monitor_id = ? AND beat_id = ? AND beat_id <> ''");
  return { db, beatAt };
}
