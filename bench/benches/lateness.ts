import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, BenchContext } from '../bench-context.ts';
import { spreadOf } from '../measure/spread.ts';
import { AlertReceiver } from '../processes/alert-receiver.ts';
import type { ReceivedAlert } from '../processes/alert-receiver-main.ts';
import { LoadGenerator } from '../processes/load-generator.ts';
import { startProduct } from '../processes/product.ts';
import type { Findings } from '../report/bench-result.ts';
import { pingOnceEach } from './watched-pings.ts';

const million = 1_000_000;
const ratePerS = 20_000;
const silentPerS = 200;
const silentFrequencyS = 4;
const waitForRestMs = 15_000;

export const lateness: Bench = {
  name: 'lateness',
  title: 'How late alerts come, with one million monitors under 20,000 pings a second',
  byDefault: true,
  seconds: 15,
  rounds: null,
  setUpLimitS: 420,
  run,
};

async function run({ workspace, data, progress, seconds, profileDir }: BenchContext): Promise<Findings> {
  const receiver = await AlertReceiver.start(workspace);
  const server = await startProduct({
    workspace,
    dataDir: await data.copy(million),
    env: { PING_ALERT_URI: receiver.url, TOCSIN_DIGEST_ABOVE: '1000000' },
    profileDir,
  });
  const load = new LoadGenerator(workspace);
  const silent = { from: million, count: silentPerS * seconds };
  progress.show(`${ratePerS} pings a second for ${seconds + silentFrequencyS} s`);
  const warmUpMs = 2_000;
  const loaded = load.run({
    call: 'rest',
    names: { from: 0, count: million },
    connections: 128,
    ratePerS,
    port: server.port,
    warmUpMs,
    measureMs: (seconds + silentFrequencyS + 1) * 1000,
  });
  loaded.catch(() => {});
  await sleep(warmUpMs);
  const deadlines = await pingOnceEach({ url: server.url, names: silent, frequency: `${silentFrequencyS}s`, seconds });
  const result = await loaded;

  const alerts: ReceivedAlert[] = [];
  const waitUntilMs = Date.now() + waitForRestMs;
  do {
    alerts.push(...(await receiver.take()).alerts.filter(({ type }) => type === 'monitor.down'));
    progress.show(`${alerts.length} of ${silent.count} alerts`);
  } while (alerts.length < silent.count && Date.now() < waitUntilMs && (await sleep(200, true)));

  const decidedMs = latenessMs(alerts, deadlines, 'madeMs');
  const arrivedMs = latenessMs(alerts, deadlines, 'atMs');
  return {
    subjects: [],
    measures: [
      {
        what: 'alert at its receiver after the deadline, p99.9',
        unit: 'ms',
        value: spreadOf([at(arrivedMs, 0.999)]),
        target: { atMost: 150 },
      },
      { what: 'the earliest', unit: 'ms', value: spreadOf([at(decidedMs, 0)]), target: { atLeast: 0 } },
      { what: 'alerts missing', unit: '', value: spreadOf([silent.count - alerts.length]), target: { atMost: 0 } },
      {
        what: 'pings answered a second meanwhile',
        unit: '1/s',
        value: spreadOf([(result.answers * 1000) / result.elapsedMs]),
        target: { atLeast: ratePerS * 0.99 },
      },
      { what: 'alert at its receiver, p50', unit: 'ms', value: spreadOf([at(arrivedMs, 0.5)]) },
      { what: 'alert at its receiver, the latest', unit: 'ms', value: spreadOf([at(arrivedMs, 1)]) },
      { what: 'alert decided by the engine, p99.9', unit: 'ms', value: spreadOf([at(decidedMs, 0.999)]) },
      { what: 'ping p99 meanwhile, from the time it was to be sent', unit: 'ms', value: spreadOf([result.p99Ms]) },
    ],
    notes: [
      `${silent.count} monitors fall silent, evenly over ${seconds} s. Measured where it matters: at a webhook receiver, so commit, outbox and HTTP are in it.`,
    ],
  };
}

/** Sorted. */
function latenessMs(
  alerts: readonly ReceivedAlert[],
  deadlines: Map<string, number>,
  when: 'madeMs' | 'atMs',
): number[] {
  if (alerts.length === 0) throw new Error('no alert came');
  return alerts.map((alert) => alert[when] - deadlines.get(alert.name)!).sort((a, b) => a - b);
}

function at(sorted: readonly number[], quantile: number): number {
  return sorted[Math.max(0, Math.ceil(quantile * sorted.length) - 1)]!;
}
