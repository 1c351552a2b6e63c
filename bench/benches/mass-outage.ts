import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, BenchContext } from '../bench-context.ts';
import { spreadOf } from '../measure/spread.ts';
import { AlertReceiver } from '../processes/alert-receiver.ts';
import { LoadGenerator } from '../processes/load-generator.ts';
import { startProduct } from '../processes/product.ts';
import { seedMonitors } from '../processes/seed-monitors.ts';
import type { Findings } from '../report/bench-result.ts';

const dueCount = 100_000;
const otherNames = { from: dueCount, count: 1_000 };
const ratePerS = 4_000;
/** Enough that none waits for another to be answered. */
const connections = 512;
/** A tenth of the monitors is pinged first, to learn how long all of them take. */
const trialCount = dueCount / 10;
const loadBeforeMs = 2_000;
const committedLimitMs = 120_000;
const pollEveryMs = 25;

export const massOutage: Bench = {
  name: 'mass-outage',
  title: '100,000 monitors due in the same instant',
  byDefault: true,
  seconds: null,
  rounds: 3,
  setUpLimitS: 300,
  run,
};

type Outage = {
  committedMs: number;
  pingP99Ms: number;
  pingMaxMs: number;
  delayMs: number;
  alerts: number;
  cpuMs: number;
};

async function run(context: BenchContext): Promise<Findings> {
  const outages: Outage[] = [];
  for (let round = 1; round <= context.rounds; round++) outages.push(await outage(context, round));
  const value = (what: keyof Outage) => spreadOf(outages.map((one) => one[what]));
  return {
    subjects: [],
    measures: [
      {
        what: 'until all transitions are committed',
        unit: 's',
        value: spreadOf(outages.map(({ committedMs }) => committedMs / 1000)),
        target: { atMost: 5 },
      },
      { what: 'ping p99 meanwhile', unit: 'ms', value: value('pingP99Ms'), target: { atMost: 50 } },
      { what: 'slowest ping meanwhile', unit: 'ms', value: value('pingMaxMs') },
      { what: 'longest stall of the serving thread meanwhile', unit: 'ms', value: value('delayMs') },
      { what: 'alerts sent by then', unit: '', value: value('alerts') },
      { what: "the server's CPU time meanwhile, pings and alerts included", unit: 'ms', value: value('cpuMs') },
    ],
    notes: [
      `All pinged with one timestamp. Meanwhile ${ratePerS} pings a second to other names over ${connections} connections, latency counted from the time each was to be sent. Commits are seen by reading the incidents in the database every ${pollEveryMs} ms from another process; alerts go to a webhook receiver.`,
    ],
  };
}

async function outage({ workspace, data, progress, profileDir }: BenchContext, round: number): Promise<Outage> {
  const receiver = await AlertReceiver.start(workspace);
  const dataDir = await data.copy(dueCount);
  const server = await startProduct({ workspace, dataDir, env: { PING_ALERT_URI: receiver.url }, profileDir });
  const load = new LoadGenerator(workspace);

  progress.show(`round ${round}: pinging all of them`);
  const begunMs = Date.now();
  await seedMonitors({ url: server.url, names: { from: 0, count: trialCount } });
  const expectedMs = (Date.now() - begunMs) * (dueCount / trialCount);
  const frequencyS = Math.ceil((expectedMs * 1.5 + loadBeforeMs) / 1000) + 3;
  const timestampS = Math.floor(Date.now() / 1000);
  const dueMs = (timestampS + frequencyS) * 1000;
  await seedMonitors({ url: server.url, names: { from: 0, count: dueCount }, frequency: `${frequencyS}s`, timestampS });
  if (Date.now() > dueMs - loadBeforeMs) throw new Error('the monitors were due before all of them were pinged');

  await sleep(dueMs - loadBeforeMs - Date.now());
  progress.show(`round ${round}: the outage`);
  const loaded = load.run({
    call: 'rest',
    names: otherNames,
    connections,
    ratePerS,
    port: server.port,
    warmUpMs: 0,
    measureFromMs: dueMs,
    measureMs: committedLimitMs,
  });
  loaded.catch(() => {});
  await sleep(dueMs - Date.now());
  const before = await server.read();
  const committedMs = (await allDown(join(dataDir, 'tocsin.db'))) - dueMs;
  load.stop();
  const { delayMs, cpuMs } = await server.read();
  const { p99Ms, maxMs } = await loaded;
  const { count } = await receiver.take();
  // It has thousands of alerts to send; nobody waits for them. A profile is only written at an end in order.
  await server.stop(profileDir === undefined ? 'SIGKILL' : 'SIGTERM');
  receiver.close();
  load.close();
  return { committedMs, pingP99Ms: p99Ms, pingMaxMs: maxMs, delayMs, alerts: count, cpuMs: cpuMs - before.cpuMs };
}

/** When the last of the incidents was seen, Unix ms. */
async function allDown(databasePath: string): Promise<number> {
  const db = new DatabaseSync(databasePath, { readOnly: true, timeout: 5_000 });
  try {
    // A look-up: a reader that counts them all each time would keep the server from beginning its WAL anew.
    const newest = db.prepare('SELECT coalesce(max(seq), 0) AS n FROM incidents');
    const open = db.prepare('SELECT count(*) AS n FROM incidents WHERE ended_ms IS NULL');
    const count = (statement: StatementSync) => (statement.get() as { n: number }).n;
    const limitMs = Date.now() + committedLimitMs;
    while (count(newest) < dueCount) {
      if (Date.now() > limitMs) throw new Error(`only ${count(open)} of ${dueCount} monitors went down`);
      await sleep(pollEveryMs);
    }
    const seenMs = Date.now();
    if (count(open) !== dueCount) throw new Error(`${count(open)} of ${dueCount} monitors went down`);
    return seenMs;
  } finally {
    db.close();
  }
}
