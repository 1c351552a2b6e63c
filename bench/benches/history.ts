import { Agent, get } from 'node:http';
import type { Bench, BenchContext } from '../bench-context.ts';
import { randomNumbers } from '../load/random-numbers.ts';
import { spreadOf } from '../measure/spread.ts';
import { monitorName } from '../monitor-names.ts';
import { LoadGenerator } from '../processes/load-generator.ts';
import { startProduct } from '../processes/product.ts';
import { seedHistory } from '../processes/seed-history.ts';
import type { Findings, Measure } from '../report/bench-result.ts';

const monitors = 10_000;
const days = 90;
const pingsPerS = 5_000;
const p95MaxMs = 50;

export const history: Bench = {
  name: 'history',
  title: 'Pages and summaries of ten thousand monitors with 90 days of history',
  byDefault: true,
  seconds: 4,
  rounds: null,
  setUpLimitS: 300,
  run,
};

type Page = { what: string; path: (name: string) => string; target: boolean };

const pages: readonly Page[] = [
  {
    what: 'GET /monitors, a page of 100',
    path: (name) => `/monitors?page_size=100&name_prefix=${name.slice(0, -3)}`,
    target: true,
  },
  { what: 'GET / for people, 500 monitors', path: () => '/', target: true },
  { what: 'GET /uptimes?days=90, all 10,000 monitors', path: () => '/uptimes?days=90&page_size=10000', target: true },
  { what: 'GET /view, the page of one monitor', path: (name) => `/view?name=${name}`, target: true },
  { what: 'GET /days?days=90 of one monitor', path: (name) => `/days?name=${name}&days=90`, target: false },
  { what: 'GET /beats of one monitor, 50', path: (name) => `/beats?name=${name}`, target: false },
];

async function run({ workspace, progress, seconds, profileDir }: BenchContext): Promise<Findings> {
  const dataDir = workspace.newDirectory('history');
  progress.show(`seeding ${monitors} monitors, ${days} days`);
  const beatsPerMonitor = 200;
  await seedHistory({ dataDir, monitors, days, beatsPerMonitor, incidentsPerMonitor: 6, nowMs: Date.now() });
  const server = await startProduct({ workspace, dataDir, profileDir });
  const measures: Measure[] = [];
  for (const page of pages) {
    progress.show(page.what);
    const idle = await timesMs({ url: server.url, page, seconds });
    const value = spreadOf([quantile(idle, 0.95)]);
    measures.push({
      what: `${page.what}: p95`,
      unit: 'ms',
      value,
      ...(page.target && { target: { atMost: p95MaxMs } }),
    });
  }
  const load = new LoadGenerator(workspace);
  progress.show(`all of them beside ${pingsPerS} pings a second`);
  const pinged = load.run({
    call: 'rest',
    names: { from: 0, count: monitors },
    connections: 64,
    ratePerS: pingsPerS,
    port: server.port,
    warmUpMs: 1_000,
    measureMs: pages.length * seconds * 1_000,
  });
  pinged.catch(() => {});
  for (const page of pages) {
    const loaded = await timesMs({ url: server.url, page, seconds });
    measures.push({ what: `${page.what}: p95 beside pings`, unit: 'ms', value: spreadOf([quantile(loaded, 0.95)]) });
  }
  const { p99Ms } = await pinged;
  measures.push({ what: 'ping p99 meanwhile, from the time it was to be sent', unit: 'ms', value: spreadOf([p99Ms]) });
  return {
    subjects: [],
    measures,
    notes: [
      `${monitors} monitors, ${days} days of roll-ups of 144 beats, ${beatsPerMonitor} beats and 6 incidents each. One request after another for ${seconds} s each, of monitors at random, through one connection; then the same beside ${pingsPerS} pings a second.`,
    ],
  };
}

/** How long requests of a page took, sorted, ms. The first ones, which start threads and compile, are left out. */
async function timesMs({ url, page, seconds }: { url: string; page: Page; seconds: number }): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const random = randomNumbers({ from: 0, count: monitors });
  const times: number[] = [];
  const untilMs = performance.now() + seconds * 1_000;
  for (let n = 0; performance.now() < untilMs; n++) {
    const begunMs = performance.now();
    await read(`${url}${page.path(monitorName(random()))}`, agent);
    if (n >= 5) times.push(performance.now() - begunMs);
  }
  agent.destroy();
  return times.sort((a, b) => a - b);
}

function read(url: string, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`GET ${url}: ${response.statusCode}`));
      response.on('end', resolve).on('error', reject).resume();
    }).on('error', reject);
  });
}

function quantile(sorted: readonly number[], share: number): number {
  if (sorted.length === 0) throw new Error('no request was answered in time');
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}
