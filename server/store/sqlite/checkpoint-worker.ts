import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';

// A thread with a connection of its own that moves the WAL into the database, so that the serving thread never waits for
// the disk. See `Checkpointer` for the other side.

export type CheckpointRequest =
  /** Move what can be moved while the writer goes on writing. */
  | 'catch up'
  /** The writer holds still: move the rest. After it the writer begins the WAL anew. */
  | 'finish';
export type CheckpointReply = { ok: true; restFrames: number } | { ok: false; message: string };

const { path } = workerData as { path: string };
const db = new DatabaseSync(path, { timeout: 1_000 });
// The writer's guarantee: the database is synced before the WAL that it came from is written over.
db.exec('PRAGMA synchronous = NORMAL');
const checkpoint = db.prepare('PRAGMA wal_checkpoint(PASSIVE)');

parentPort!.on('message', (request: CheckpointRequest) => {
  parentPort!.postMessage(run(request === 'finish' ? 1 : 4));
});

/** Each pass is shorter than the one before, because less was written meanwhile. */
function run(passesMax: number): CheckpointReply {
  try {
    let restFrames = 0;
    for (let pass = 0; pass < passesMax; pass++) {
      const { log, checkpointed } = checkpoint.get() as { log: number; checkpointed: number };
      restFrames = log - checkpointed;
      if (restFrames < 500) break;
    }
    return { ok: true, restFrames };
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : String(error) };
  }
}
