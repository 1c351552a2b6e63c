import { execFileSync } from 'node:child_process';
import type { Bench, BenchContext } from '../bench-context.ts';
import { alternate, type Subject } from '../measure/alternate.ts';
import { LoadGenerator } from '../processes/load-generator.ts';
import { startProduct } from '../processes/product.ts';
import type { Findings } from '../report/bench-result.ts';

const names = { from: 0, count: 1_000 };
const setting = 'TOCSIN_DURABILITY';
const main = new URL('../../server/main.ts', import.meta.url).pathname;

export const durability: Bench = {
  name: 'durability',
  title: `${setting}=power: pings that survive a power cut, against the default`,
  byDefault: true,
  seconds: 2,
  rounds: 5,
  setUpLimitS: 60,
  run,
};

async function run({ workspace, progress, seconds, rounds, profileDir }: BenchContext): Promise<Findings> {
  const help = execFileSync(process.execPath, [main, '--help'], { encoding: 'utf8' });
  if (!help.includes(setting)) {
    return { subjects: [], measures: [], notes: [`Not available: this version has no setting ${setting}.`] };
  }
  const start = (env: Record<string, string>) =>
    startProduct({ workspace, dataDir: workspace.newDirectory('data'), env, profileDir });
  const usual = await start({});
  const power = await start({ [setting]: 'power' });
  const subject = (name: string, server: typeof usual, connections: number): Subject => ({
    name: `${name}, ${connections} ${connections === 1 ? 'connection' : 'connections'}`,
    server,
    plan: { call: 'rest', names, connections },
  });
  const subjects = [64, 1].flatMap((connections) => [
    subject('default', usual, connections),
    subject('power', power, connections),
  ]);
  const load = new LoadGenerator(workspace);
  const measured = await alternate({ subjects, load, rounds, seconds, progress });
  return {
    subjects: measured.rows(),
    measures: [
      {
        what: 'rate of GET /ping, 64 connections, vs the default',
        unit: 'x',
        value: measured.ratio('ratePerS', { of: 'power, 64 connections', to: 'default, 64 connections' }),
      },
      {
        what: 'p99, 64 connections, vs the default',
        unit: 'x',
        value: measured.ratio('p99Ms', { of: 'power, 64 connections', to: 'default, 64 connections' }),
      },
      {
        what: 'p50, 1 connection, vs the default',
        unit: 'x',
        value: measured.ratio('p50Ms', { of: 'power, 1 connection', to: 'default, 1 connection' }),
      },
    ],
    notes: ['1,000 names. What a commit costs depends on the disk.'],
  };
}
