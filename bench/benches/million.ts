import type { Bench, BenchContext } from '../bench-context.ts';
import { alternate, type Subject } from '../measure/alternate.ts';
import { spreadOf } from '../measure/spread.ts';
import { LoadGenerator } from '../processes/load-generator.ts';
import type { MeasuredProcess } from '../processes/measured-process.ts';
import { startProduct } from '../processes/product.ts';
import type { Findings } from '../report/bench-result.ts';
import { restAnswer } from './rest-answer.ts';

const million = 1_000_000;
const few = 1_000;
const mb = 1e6;

export const millionMonitors: Bench = {
  name: 'million',
  title: 'One million monitors',
  byDefault: true,
  seconds: 2,
  rounds: 5,
  setUpLimitS: 420,
  run,
};

async function run({ workspace, data, progress, seconds, rounds, profileDir }: BenchContext): Promise<Findings> {
  const dataDir = await data.copy(million);
  const start = () => startProduct({ workspace, dataDir, profileDir });
  const load = new LoadGenerator(workspace);
  const fewServer = await startProduct({ workspace, dataDir: await data.copy(few), profileDir });

  let server = await start();
  const startsMs = [await readyMs(server)];
  progress.show('pings before kill -9');
  const plan = { call: 'rest', names: { from: 0, count: million }, connections: 64 } as const;
  await load.run({ ...plan, port: server.port, warmUpMs: 0, measureMs: seconds * 1000 });
  await server.stop('SIGKILL');
  progress.show('start after kill -9');
  server = await start();
  const killedStartMs = await readyMs(server);

  const subjects: Subject[] = [
    { name: 'Tocsin, 1 k monitors', server: fewServer, plan: { ...plan, names: { from: 0, count: few } } },
    { name: 'Tocsin, 1 M monitors', server, plan },
  ];
  const measured = await alternate({ subjects, load, rounds, seconds, progress });
  const rssMb = measured.values('Tocsin, 1 M monitors', 'rssBytes').map((bytes) => bytes / mb);
  progress.show('start after SIGTERM');
  await server.stop('SIGTERM');
  server = await start();
  startsMs.push(await readyMs(server));
  await server.stop('SIGTERM');
  return {
    subjects: measured.rows(),
    measures: [
      {
        what: 'resident memory under pings, the most',
        unit: 'MB',
        value: spreadOf([Math.max(...rssMb)]),
        target: { atMost: 700 },
      },
      {
        what: 'from the start of the process to the first ping answered, after SIGTERM',
        unit: 's',
        value: spreadOf(startsMs.map((ms) => ms / 1000)),
        target: { atMost: 5 },
      },
      {
        what: 'from the start of the process to the first ping answered, after kill -9 under load',
        unit: 's',
        value: spreadOf([killedStartMs / 1000]),
        target: { atMost: 5 },
      },
      {
        what: 'rate of GET /ping vs the same with 1 k monitors',
        unit: 'x',
        value: measured.ratio('ratePerS', { of: 'Tocsin, 1 M monitors', to: 'Tocsin, 1 k monitors' }),
        target: { atLeast: 0.8 },
      },
    ],
    notes: [
      'Names at random over all monitors, 64 connections. Memory is that of the server process with all its threads.',
    ],
  };
}

/** From the spawn to the answer to a first ping, ms. */
async function readyMs(server: MeasuredProcess): Promise<number> {
  const listeningMs = performance.now();
  await restAnswer(server.url);
  return server.startMs + performance.now() - listeningMs;
}
