import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench, BenchContext } from '../bench-context.ts';
import { spreadOf } from '../measure/spread.ts';
import { LoadGenerator } from '../processes/load-generator.ts';
import type { MeasuredProcess } from '../processes/measured-process.ts';
import { startProduct } from '../processes/product.ts';
import type { Findings } from '../report/bench-result.ts';

const names = { from: 0, count: 100_000 };
const sampleEveryMs = 250;
const mb = 1e6;

export const soak: Bench = {
  name: 'soak',
  title: 'Full load over 100 k names for minutes',
  byDefault: false,
  seconds: 300,
  rounds: null,
  setUpLimitS: 180,
  run,
};

async function run({ workspace, data, progress, seconds, profileDir }: BenchContext): Promise<Findings> {
  const dataDir = await data.copy(names.count);
  const server = await startProduct({ workspace, dataDir, profileDir });
  const load = new LoadGenerator(workspace);
  const plan = { call: 'rest', names, connections: 64, port: server.port } as const;
  await load.run({ ...plan, warmUpMs: 1_000, measureMs: 1_000 });

  const samples = new Samples({ server, dataDir });
  const rates: number[] = [];
  // A server that cannot be read is noticed by the load as well.
  const sampling = setInterval(() => samples.take().catch(() => {}), sampleEveryMs);
  await server.read();
  const result = await load
    .run(
      { ...plan, warmUpMs: 0, measureMs: seconds * 1000 },
      {
        onSecond: (answers) => {
          rates.push(answers);
          progress.show(`${rates.length} of ${seconds} s, ${answers} pings/s, WAL ${samples.walMb.toFixed(0)} MB`);
        },
      },
    )
    .finally(() => clearInterval(sampling));
  await samples.take();
  return {
    subjects: [],
    measures: [
      { what: 'write-ahead log, the largest', unit: 'MB', value: spreadOf([samples.walMb]), target: { atMost: 128 } },
      {
        what: 'longest stall of the serving thread',
        unit: 'ms',
        value: spreadOf([samples.delayMs]),
        target: { atMost: 50 },
      },
      {
        what: 'the same, less its waits for a core',
        unit: 'ms',
        value: spreadOf([samples.ownDelayMs]),
      },
      {
        what: 'longest time in which no ping was answered',
        unit: 'ms',
        value: spreadOf([result.maxGapMs]),
        target: { atMost: 50 },
      },
      { what: 'journal of beats, the largest', unit: 'MB', value: spreadOf([samples.journalMb]) },
      { what: 'slowest ping', unit: 'ms', value: spreadOf([result.maxMs]) },
      { what: 'ping p99', unit: 'ms', value: spreadOf([result.p99Ms]) },
      { what: 'ping p99.9', unit: 'ms', value: spreadOf([result.p999Ms]) },
      { what: 'longest stall of the load generator itself', unit: 'ms', value: spreadOf([result.ownDelayMs]) },
      { what: 'pings a second, by the second', unit: '1/s', value: spreadOf(rates.length > 0 ? rates : [0]) },
      { what: 'resident memory, the most', unit: 'MB', value: spreadOf([samples.rssMb]) },
      { what: 'data directory, the largest', unit: 'MB', value: spreadOf([samples.directoryMb]) },
    ],
    notes: [
      '64 connections, each with the next ping at once. The serving thread watches itself with a 5 ms timer.',
      'On a busy machine a stall may also be a garbage collection whose helper threads wait for a core.',
    ],
  };
}

/** The extremes of what was seen from time to time. */
class Samples {
  walMb = 0;
  journalMb = 0;
  directoryMb = 0;
  delayMs = 0;
  ownDelayMs = 0;
  rssMb = 0;
  readonly #server: MeasuredProcess;
  readonly #dataDir: string;

  constructor({ server, dataDir }: { server: MeasuredProcess; dataDir: string }) {
    this.#server = server;
    this.#dataDir = dataDir;
  }

  async take(): Promise<void> {
    let walBytes = 0;
    let journalBytes = 0;
    let allBytes = 0;
    for (const file of readdirSync(this.#dataDir)) {
      // Another process may remove it meanwhile.
      const bytes = statSync(join(this.#dataDir, file), { throwIfNoEntry: false })?.size ?? 0;
      allBytes += bytes;
      if (file.endsWith('-wal')) walBytes += bytes;
      if (file.startsWith('beats-')) journalBytes += bytes;
    }
    this.journalMb = Math.max(this.journalMb, journalBytes / mb);
    this.walMb = Math.max(this.walMb, walBytes / mb);
    this.directoryMb = Math.max(this.directoryMb, allBytes / mb);
    const { delayMs, ownDelayMs, rssBytes } = await this.#server.read();
    this.delayMs = Math.max(this.delayMs, delayMs);
    this.ownDelayMs = Math.max(this.ownDelayMs, ownDelayMs);
    this.rssMb = Math.max(this.rssMb, rssBytes / mb);
  }
}
