import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { CronOccurrences } from '../../../schedule/cron-occurrences.ts';
import { MonitorFacts } from '../../history/monitor-facts.ts';
import { UptimeReads } from '../../history/uptime-reads.ts';
import type { UptimeDays } from '../../history-types.ts';
import { type IncidentsQuery, type MonitorsQuery, type ReadQuery, readQueries } from './read-queries.ts';

// A thread that reads the databases through connections of its own. See `ReaderPool` for the other side.

export type ReadRequest =
  | { monitors: MonitorsQuery; values: (string | number)[] }
  | { incidents: IncidentsQuery; values: (string | number)[] }
  | { uptimes: { ids: Float64Array; days: UptimeDays; nowMs: number } };
export type ReadReply = { ok: true; found: unknown } | { ok: false; message: string };

const { path, historyPath } = workerData as { path: string; historyPath: string };
const db = new DatabaseSync(path, { readOnly: true, timeout: 1_000 });
const statements = new Map<ReadQuery, StatementSync>();
let facts: MonitorFacts | undefined;
let uptimes: UptimeReads | undefined;

parentPort!.on('message', (request: ReadRequest | 'close') => {
  if (request !== 'close') {
    parentPort!.postMessage(reply(request));
    return;
  }
  uptimes?.close();
  facts?.close();
  db.close();
  parentPort!.close();
});

function reply(request: ReadRequest): ReadReply {
  try {
    return { ok: true, found: answer(request) };
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : String(error) };
  }
}

function answer(request: ReadRequest): unknown {
  if ('uptimes' in request) return spent(request.uptimes);
  if ('incidents' in request) return rows(request.incidents, request.values);
  // Flat numbers are posted in a fraction of the time of rows.
  return Float64Array.from(rows(request.monitors, request.values) as [number][], ([id]) => id);
}

function rows(query: ReadQuery, values: (string | number)[]): unknown[] {
  let statement = statements.get(query);
  if (!statement) {
    statement = db.prepare(readQueries[query]);
    statement.setReturnArrays(true);
    statements.set(query, statement);
  }
  return statement.all(...values);
}

function spent(asked: { ids: Float64Array; days: UptimeDays; nowMs: number }): Float64Array {
  facts ??= new MonitorFacts(path, new CronOccurrences().next);
  uptimes ??= new UptimeReads(historyPath, facts);
  return uptimes.list(asked);
}
