import type { Bench, BenchContext } from '../bench-context.ts';
import { alternate, type Subject } from '../measure/alternate.ts';
import { LoadGenerator } from '../processes/load-generator.ts';
import { MeasuredProcess } from '../processes/measured-process.ts';
import { startProduct } from '../processes/product.ts';
import type { Findings } from '../report/bench-result.ts';
import { restAnswer } from './rest-answer.ts';

const manyNames = 100_000;

export const pingGet: Bench = {
  name: 'ping-get',
  title: 'GET /ping, durable, against servers that do nothing',
  byDefault: true,
  seconds: 1.5,
  rounds: 5,
  setUpLimitS: 180,
  run,
};

async function run({ workspace, data, progress, seconds, rounds, profileDir }: BenchContext): Promise<Findings> {
  const one = await startProduct({ workspace, dataDir: workspace.newDirectory('data'), profileDir });
  const many = await startProduct({ workspace, dataDir: await data.copy(manyNames), profileDir });
  const answer = await restAnswer(one.url);
  const fastify = await MeasuredProcess.start({ workspace, program: 'bench/peers/fastify-peer.ts', args: [answer] });
  const http = await MeasuredProcess.start({ workspace, program: 'bench/peers/node-http-peer.ts', args: [answer] });
  const load = new LoadGenerator(workspace);

  const subjects = (connections: number): Subject[] => [
    { name: 'bare Fastify', server: fastify, plan: { call: 'rest', names: { from: 0, count: 1 }, connections } },
    { name: 'bare node:http', server: http, plan: { call: 'rest', names: { from: 0, count: 1 }, connections } },
    { name: 'Tocsin, 1 name', server: one, plan: { call: 'rest', names: { from: 0, count: 1 }, connections } },
    {
      name: 'Tocsin, 100 k names',
      server: many,
      plan: { call: 'rest', names: { from: 0, count: manyNames }, connections },
    },
  ];
  const full = await alternate({ subjects: subjects(64), load, rounds, seconds, progress });
  const single = await alternate({
    subjects: subjects(1),
    load,
    rounds: Math.min(rounds, 3),
    seconds: seconds / 2,
    progress,
  });

  const toFastify = (of: string) => ({ of, to: 'bare Fastify' });
  return {
    subjects: [
      ...full.rows().map((row) => ({ ...row, subject: `${row.subject}, 64 connections` })),
      ...single.rows().map((row) => ({ ...row, subject: `${row.subject}, 1 connection` })),
    ],
    measures: [
      {
        what: 'rate, 64 connections, 1 name, vs bare Fastify',
        unit: 'x',
        value: full.ratio('ratePerS', toFastify('Tocsin, 1 name')),
        target: { atLeast: 0.9 },
      },
      {
        what: 'rate, 64 connections, 100 k names, vs bare Fastify',
        unit: 'x',
        value: full.ratio('ratePerS', toFastify('Tocsin, 100 k names')),
        target: { atLeast: 0.85 },
      },
      {
        what: 'p99, 64 connections, 100 k names, vs bare Fastify',
        unit: 'x',
        value: full.ratio('p99Ms', toFastify('Tocsin, 100 k names')),
        target: { atMost: 2 },
      },
      {
        what: 'rate, 64 connections, 1 name, vs bare node:http',
        unit: 'x',
        value: full.ratio('ratePerS', { of: 'Tocsin, 1 name', to: 'bare node:http' }),
      },
      {
        what: 'server CPU per request, 1 name, vs bare Fastify',
        unit: 'x',
        value: full.ratio('cpuUs', toFastify('Tocsin, 1 name')),
      },
      {
        what: 'server CPU per request, 100 k names, vs bare Fastify',
        unit: 'x',
        value: full.ratio('cpuUs', toFastify('Tocsin, 100 k names')),
      },
      {
        what: 'p50, 1 connection, 100 k names, vs bare Fastify',
        unit: 'x',
        value: single.ratio('p50Ms', toFastify('Tocsin, 100 k names')),
      },
    ],
    notes: [
      `The peers answer a prepared object of the same JSON (${Buffer.byteLength(answer)} bytes) and store nothing.`,
    ],
  };
}
