import type { Bench, BenchContext } from '../bench-context.ts';
import { alternate, type Subject } from '../measure/alternate.ts';
import { LoadGenerator } from '../processes/load-generator.ts';
import { MeasuredProcess } from '../processes/measured-process.ts';
import { startProduct } from '../processes/product.ts';
import type { Findings } from '../report/bench-result.ts';

const plan = { call: 'grpc', names: { from: 0, count: 1_000 }, connections: 8, streams: 8 } as const;

export const grpcUnary: Bench = {
  name: 'grpc-unary',
  title: 'gRPC unary Ping over h2c, durable, against other servers',
  byDefault: true,
  seconds: 1.5,
  rounds: 5,
  setUpLimitS: 60,
  run,
};

async function run({ workspace, progress, seconds, rounds, profileDir }: BenchContext): Promise<Findings> {
  const peer = (program: string, args: string[] = []) => MeasuredProcess.start({ workspace, program, args });
  const tocsin = await startProduct({ workspace, dataDir: workspace.newDirectory('data'), profileDir });
  const subjects: Subject[] = [
    { name: 'stock connect-fastify', server: await peer('bench/peers/connect-fastify-peer.ts', ['http2']), plan },
    { name: '@grpc/grpc-js', server: await peer('bench/peers/grpc-js-peer.ts'), plan },
    { name: 'bare node:http2', server: await peer('bench/peers/node-http2-peer.ts'), plan },
    { name: 'Tocsin', server: tocsin, plan },
  ];
  const load = new LoadGenerator(workspace);
  const measured = await alternate({ subjects, load, rounds, seconds, progress });
  const against = (to: string) => ({ of: 'Tocsin', to });
  return {
    subjects: measured.rows(),
    measures: [
      {
        what: 'rate vs stock connect-fastify',
        unit: 'x',
        value: measured.ratio('ratePerS', against('stock connect-fastify')),
        target: { atLeast: 8 },
      },
      {
        what: 'rate vs @grpc/grpc-js',
        unit: 'x',
        value: measured.ratio('ratePerS', against('@grpc/grpc-js')),
        target: { atLeast: 1.5 },
      },
      {
        what: 'rate vs bare node:http2',
        unit: 'x',
        value: measured.ratio('ratePerS', against('bare node:http2')),
        target: { atLeast: 0.5 },
      },
      {
        what: 'server CPU per request vs bare node:http2',
        unit: 'x',
        value: measured.ratio('cpuUs', against('bare node:http2')),
      },
    ],
    notes: [
      '8 connections with 8 calls each, 1,000 names. The load is prepared HTTP/2 frames on bare sockets.',
      'The peers make the same answer (bare node:http2: a prepared one of the same size) and store nothing.',
    ],
  };
}
