import { constants, platform, setPriority } from 'node:os';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { StoredBeat, StoredDay } from '../history-types.ts';
import type { JournalPosition } from '../journal/segment-files.ts';
import { HistoryKeeper, type HistoryKeeperOptions } from './history-keeper.ts';

// A thread that writes the history and reads it, so that the serving thread never does. See `HistoryThread` for the other
// side.

/** What can be asked, with its answer. */
export type HistoryQueries = {
  listBeats: { asked: Parameters<HistoryKeeper['beats']['list']>[0]; answer: StoredBeat[] };
  beatsAround: { asked: Parameters<HistoryKeeper['beats']['around']>[0]; answer: StoredBeat[][] };
  listDays: { asked: Parameters<HistoryKeeper['days']['list']>[0]; answer: StoredDay[] };
};

type ReadRequest = {
  kind: 'read';
  id: number;
  /** The journal's end: what is before it is in the answer, unless that takes too long. */
  upTo: JournalPosition;
  query: keyof HistoryQueries;
  asked: unknown;
};

export type HistoryRequest =
  /** `nowMs`: Unix ms; null: it is not known yet. */
  | { kind: 'take'; upTo: JournalPosition; nowMs: number | null }
  /** Do what is to be done at a time, Unix ms: close days, delete what is too old. */
  | { kind: 'tidy'; nowMs: number }
  | ReadRequest
  | { kind: 'close' };

export type HistoryReply =
  | { kind: 'taken'; taken: JournalPosition }
  | { kind: 'failed'; message: string }
  /** There is nothing to do for now. */
  | { kind: 'tidied'; closedDay: number | null }
  | { kind: 'answer'; id: number; answer: unknown }
  | { kind: 'unanswered'; id: number; message: string };

// On Linux a thread has a priority of its own (setpriority(2), Notes); elsewhere the whole process would be slowed down.
// Without it the serving thread was preempted for slices of 3 ms where there were fewer cores than busy threads.
if (platform() === 'linux') setPriority(constants.priority.PRIORITY_LOW);

/** Taken over in a row for one request: a server that ends waits for it. */
const takeBytes = 16 * 2 ** 20;
/** The same for a read, that does not wait longer: some 50 ms of work. */
const readBytes = 2 ** 20;

const keeper = new HistoryKeeper(workerData as HistoryKeeperOptions);
const reads: { request: ReadRequest; bytesLeft: number }[] = [];
let taking: { upTo: JournalPosition; bytesLeft: number } | null = null;
let nowMs: number | null = null;
let isTidy = true;
let isClosing = false;

parentPort!.on('message', (request: HistoryRequest) => {
  accept(request);
  // What is being taken over is taken over before the end: a server that stops often gets on as well.
  while (isClosing ? taking && step() : step()) {
    for (let next = receiveMessageOnPort(parentPort!); next; next = receiveMessageOnPort(parentPort!)) {
      accept(next.message as HistoryRequest);
    }
  }
  if (!isClosing) return;
  keeper.close();
  parentPort!.close();
});

function accept(request: HistoryRequest): void {
  if (request.kind === 'close') isClosing = true;
  else if (request.kind === 'read') reads.push({ request, bytesLeft: readBytes });
  else {
    if (request.kind === 'take') taking = { upTo: request.upTo, bytesLeft: takeBytes };
    nowMs = request.nowMs;
    isTidy = nowMs === null;
  }
}

/** A batch of the journal and a bit of what else there is to do, or an answer; false when there is nothing to do. */
function step(): boolean {
  const read = reads[0];
  if (read && !isClosing) return answerSoon(read);
  if (taking) {
    const bytes = tryTake(taking.upTo);
    taking.bytesLeft -= bytes;
    if (bytes === 0 || taking.bytesLeft <= 0) {
      taking = null;
      reply({ kind: 'taken', taken: keeper.taken });
    }
  }
  if (!isTidy && !isClosing && !tryTidy()) {
    isTidy = true;
    reply({ kind: 'tidied', closedDay: keeper.closedDay });
  }
  return taking !== null || !isTidy || reads.length > 0;
}

function answerSoon(read: { request: ReadRequest; bytesLeft: number }): boolean {
  const bytes = read.bytesLeft > 0 ? tryTake(read.request.upTo) : 0;
  read.bytesLeft -= bytes;
  if (bytes > 0) return true;
  reads.shift();
  const { id, query, asked } = read.request;
  try {
    reply({ kind: 'answer', id, answer: answer(query, asked) });
  } catch (error) {
    reply({ kind: 'unanswered', id, message: messageOf(error) });
  }
  return true;
}

function answer(query: keyof HistoryQueries, asked: unknown): unknown {
  switch (query) {
    case 'listBeats':
      return keeper.beats.list(asked as HistoryQueries['listBeats']['asked']);
    case 'beatsAround':
      return keeper.beats.around(asked as HistoryQueries['beatsAround']['asked']);
    case 'listDays':
      return keeper.days.list(asked as HistoryQueries['listDays']['asked']);
  }
}

/** What cannot be taken over, as on a full disk, is told, and tried again when it is asked for again. */
function tryTake(upTo: JournalPosition): number {
  try {
    return keeper.take(upTo);
  } catch (error) {
    taking = null;
    reply({ kind: 'failed', message: messageOf(error) });
    return 0;
  }
}

function tryTidy(): boolean {
  try {
    return nowMs !== null && keeper.tidy(nowMs);
  } catch (error) {
    reply({ kind: 'failed', message: messageOf(error) });
    return false;
  }
}

function reply(message: HistoryReply): void {
  parentPort!.postMessage(message);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
