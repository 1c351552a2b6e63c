import { constants, platform, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import type { JournalPosition } from '../journal/segment-files.ts';
import { HistoryWriter } from './history-writer.ts';

// A thread that writes the history, so that the serving thread never does. See `History` for the other side.

export type HistoryRequest = { kind: 'take'; upTo: JournalPosition } | { kind: 'close' };
export type HistoryReply = { ok: true; taken: JournalPosition } | { ok: false; message: string };

// On Linux a thread has a priority of its own (setpriority(2), Notes); elsewhere the whole process would be slowed down.
// Without it the serving thread was preempted for slices of 3 ms where there were fewer cores than busy threads.
if (platform() === 'linux') setPriority(constants.priority.PRIORITY_LOW);

const takeBytes = 16 * 2 ** 20;

const writer = new HistoryWriter(workerData as ConstructorParameters<typeof HistoryWriter>[0]);

parentPort!.on('message', (request: HistoryRequest) => {
  if (request.kind === 'close') {
    writer.close();
    parentPort!.close();
    return;
  }
  parentPort!.postMessage(take(request.upTo));
});

function take(upTo: JournalPosition): HistoryReply {
  try {
    // Not all of a long backlog at once: a server that ends waits for it.
    writer.takeUpTo(upTo, takeBytes);
    return { ok: true, taken: writer.taken };
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : String(error) };
  }
}
