import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { type FoundMonitor, type ReadQuery, readQueries } from './read-queries.ts';

// A thread that reads the database through a connection of its own. See `ReaderPool` for the other side.

export type ReadRequest = { query: ReadQuery; values: (string | number)[] };
export type ReadReply = { ok: true; found: FoundMonitor[] } | { ok: false; message: string };

const { path } = workerData as { path: string };
const db = new DatabaseSync(path, { readOnly: true, timeout: 1_000 });
const statements = new Map<ReadQuery, StatementSync>();

parentPort!.on('message', (request: ReadRequest | 'close') => {
  if (request !== 'close') {
    parentPort!.postMessage(read(request));
    return;
  }
  db.close();
  parentPort!.close();
});

function read({ query, values }: ReadRequest): ReadReply {
  try {
    let statement = statements.get(query);
    if (!statement) {
      statement = db.prepare(readQueries[query]);
      statement.setReturnArrays(true);
      statements.set(query, statement);
    }
    return { ok: true, found: statement.all(...values) as unknown as FoundMonitor[] };
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : String(error) };
  }
}
