import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, BenchContext } from '../bench-context.ts';
import { spreadOf } from '../measure/spread.ts';
import { AlertReceiver } from '../processes/alert-receiver.ts';
import type { ReceivedAlert } from '../processes/alert-receiver-main.ts';
import { LoadGenerator } from '../processes/load-generator.ts';
import { startProduct } from '../processes/product.ts';
import { seedMonitors } from '../processes/seed-monitors.ts';
import type { Findings } from '../report/bench-result.ts';

const dueCount = 10_000;
const otherNames = { from: dueCount, count: 1_000 };
const ratePerS = 4_000;
const frequencyS = 12;
const waitMaxMs = 60_000;
/** The channels besides the default one: one that answers, and one that never does. */
const answering = 'answering';
const hanging = 'hanging';

export const alertStorm: Bench = {
  name: 'alert-storm',
  title: '10,000 monitors down at once, three channels, of which one hangs',
  byDefault: true,
  seconds: null,
  rounds: 3,
  setUpLimitS: 300,
  run,
};

type Storm = {
  digests: number;
  singles: number;
  digestMs: number;
  emptyMs: number;
  pingP99Ms: number;
  delayMs: number;
};

async function run(context: BenchContext): Promise<Findings> {
  const storms: Storm[] = [];
  for (let round = 1; round <= context.rounds; round++) storms.push(await storm(context, round));
  const value = (what: keyof Storm) => spreadOf(storms.map((one) => one[what]));
  return {
    subjects: [],
    measures: [
      { what: 'digests that each channel got', unit: '', value: value('digests'), target: { atMost: 1, atLeast: 1 } },
      { what: 'other messages that each channel got', unit: '', value: value('singles'), target: { atMost: 0 } },
      {
        what: 'from the deadline until the digest had arrived at the last channel',
        unit: 'ms',
        value: value('digestMs'),
        target: { atMost: 5_000 },
      },
      {
        what: 'from the deadline until nothing waited for the channels that answer',
        unit: 'ms',
        value: value('emptyMs'),
        target: { atMost: 10_000 },
      },
      { what: 'ping p99 meanwhile', unit: 'ms', value: value('pingP99Ms'), target: { atMost: 50 } },
      { what: 'longest stall of the serving thread meanwhile', unit: 'ms', value: value('delayMs') },
    ],
    notes: [
      `All pinged with one timestamp; a route tells three webhook channels. Meanwhile ${ratePerS} pings a second to other names.`,
    ],
  };
}

async function storm({ workspace, data, progress, profileDir }: BenchContext, round: number): Promise<Storm> {
  const receivers = [await AlertReceiver.start(workspace), await AlertReceiver.start(workspace)] as const;
  const silent = createServer(() => {}).listen(0, '127.0.0.1');
  const silentUrl = () => `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const dataDir = await data.copy(dueCount);
  const env = { PING_ALERT_URI: receivers[0].url };
  const server = await startProduct({ workspace, dataDir, env, profileDir });
  const load = new LoadGenerator(workspace);
  await put(`${server.url}/channels/${answering}`, { webhook: { url: receivers[1].url } });
  await put(`${server.url}/channels/${hanging}`, { webhook: { url: silentUrl() } });
  await put(`${server.url}/routes/all`, { steps: [{ channels: ['default', answering, hanging] }] });

  progress.show(`round ${round}: pinging all of them`);
  const timestampS = Math.floor(Date.now() / 1000);
  const dueMs = (timestampS + frequencyS) * 1000;
  await seedMonitors({ url: server.url, names: { from: 0, count: dueCount }, frequency: `${frequencyS}s`, timestampS });
  if (Date.now() > dueMs - 1_000) throw new Error('the monitors were due before all of them were pinged');

  await sleep(dueMs - 1_000 - Date.now());
  progress.show(`round ${round}: the storm`);
  await server.read();
  const loaded = load.run({
    call: 'rest',
    names: otherNames,
    connections: 256,
    ratePerS,
    port: server.port,
    warmUpMs: 0,
    measureFromMs: dueMs,
    measureMs: waitMaxMs,
  });
  loaded.catch(() => {});
  const alerts: ReceivedAlert[][] = [[], []];
  let emptyMs = Number.NaN;
  while (Number.isNaN(emptyMs) && Date.now() < dueMs + waitMaxMs) {
    await sleep(100);
    for (const [index, receiver] of receivers.entries()) alerts[index]!.push(...(await receiver.take()).alerts);
    if (alerts.every((each) => each.length > 0) && (await pendingOf(server.url)) === 0) emptyMs = Date.now() - dueMs;
  }
  const { delayMs } = await server.read();
  load.stop();
  const { p99Ms } = await loaded;
  await server.stop(profileDir === undefined ? 'SIGKILL' : 'SIGTERM');
  for (const receiver of receivers) receiver.close();
  silent.close();
  silent.closeAllConnections();
  load.close();
  const digests = alerts.map((each) => each.filter(({ type }) => type === 'monitors.digest'));
  return {
    digests: Math.max(...digests.map(({ length }) => length)),
    singles: Math.max(...alerts.map(({ length }, index) => length - digests[index]!.length)),
    digestMs: Math.max(...digests.map((each) => (each[0]?.atMs ?? Number.NaN) - dueMs)),
    emptyMs,
    pingP99Ms: p99Ms,
    delayMs,
  };
}

async function put(url: string, body: object): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'PUT', headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
}

/** Deliveries that wait for the channels that answer. */
async function pendingOf(url: string): Promise<number> {
  const { channels } = (await (await fetch(`${url}/channels`)).json()) as {
    channels: { name: string; state: { pending: number } }[];
  };
  return channels.filter(({ name }) => name !== hanging).reduce((sum, { state }) => sum + Number(state.pending), 0);
}
