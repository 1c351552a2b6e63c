import type { Bench, BenchContext } from '../bench-context.ts';
import { alternate, type Subject } from '../measure/alternate.ts';
import { LoadGenerator } from '../processes/load-generator.ts';
import { MeasuredProcess } from '../processes/measured-process.ts';
import { startProduct } from '../processes/product.ts';
import type { Findings } from '../report/bench-result.ts';

const names = { from: 0, count: 1_000 };
const connections = 64;

export const connectUnary: Bench = {
  name: 'connect-unary',
  title: 'Connect unary Ping over HTTP/1.1, durable, against stock connect-fastify',
  byDefault: true,
  seconds: 1.5,
  rounds: 5,
  setUpLimitS: 60,
  run,
};

async function run({ workspace, progress, seconds, rounds, profileDir }: BenchContext): Promise<Findings> {
  const tocsin = await startProduct({ workspace, dataDir: workspace.newDirectory('data'), profileDir });
  const stock = await MeasuredProcess.start({
    workspace,
    program: 'bench/peers/connect-fastify-peer.ts',
    args: ['http1'],
  });
  const subjects: Subject[] = [
    { name: 'stock connect-fastify, JSON', server: stock, plan: { call: 'connect-json', names, connections } },
    { name: 'Tocsin, JSON', server: tocsin, plan: { call: 'connect-json', names, connections } },
    { name: 'stock connect-fastify, proto', server: stock, plan: { call: 'connect-proto', names, connections } },
    { name: 'Tocsin, proto', server: tocsin, plan: { call: 'connect-proto', names, connections } },
  ];
  const load = new LoadGenerator(workspace);
  const measured = await alternate({ subjects, load, rounds, seconds, progress });
  const json = { of: 'Tocsin, JSON', to: 'stock connect-fastify, JSON' };
  const proto = { of: 'Tocsin, proto', to: 'stock connect-fastify, proto' };
  return {
    subjects: measured.rows(),
    measures: [
      {
        what: 'rate, JSON, vs stock connect-fastify',
        unit: 'x',
        value: measured.ratio('ratePerS', json),
        target: { atLeast: 6 },
      },
      {
        what: 'rate, proto, vs stock connect-fastify',
        unit: 'x',
        value: measured.ratio('ratePerS', proto),
        target: { atLeast: 6 },
      },
      {
        what: 'server CPU per request, JSON, vs stock connect-fastify',
        unit: 'x',
        value: measured.ratio('cpuUs', json),
      },
      {
        what: 'server CPU per request, proto, vs stock connect-fastify',
        unit: 'x',
        value: measured.ratio('cpuUs', proto),
      },
    ],
    notes: ['64 connections, 1,000 names. Stock connect-fastify makes the same answer and stores nothing.'],
  };
}
