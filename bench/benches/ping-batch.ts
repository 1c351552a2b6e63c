import type { Bench, BenchContext } from '../bench-context.ts';
import { batchItems } from '../load/http1-requests.ts';
import { alternate, type Subject } from '../measure/alternate.ts';
import { LoadGenerator } from '../processes/load-generator.ts';
import { startProduct } from '../processes/product.ts';
import type { Findings } from '../report/bench-result.ts';

const names = { from: 0, count: 100_000 };

export const pingBatch: Bench = {
  name: 'ping-batch',
  title: 'PingBatch of 1,000 over 100 k monitors, durable, against GET /ping',
  byDefault: true,
  seconds: 2,
  rounds: 5,
  setUpLimitS: 180,
  run,
};

async function run({ workspace, data, progress, seconds, rounds, profileDir }: BenchContext): Promise<Findings> {
  const server = await startProduct({ workspace, dataDir: await data.copy(names.count), profileDir });
  const batch = { server, itemsPerAnswer: batchItems };
  const subjects: Subject[] = [
    { name: 'GET /ping', server, plan: { call: 'rest', names, connections: 64 } },
    { name: 'PingBatch, proto', ...batch, plan: { call: 'batch-connect-proto', names, connections: 4 } },
    { name: 'PingBatch, JSON', ...batch, plan: { call: 'batch-connect-json', names, connections: 4 } },
  ];
  const load = new LoadGenerator(workspace);
  const measured = await alternate({ subjects, load, rounds, seconds, progress });
  return {
    subjects: measured.rows(),
    measures: [
      {
        what: 'pings/s, proto, vs GET /ping',
        unit: 'x',
        value: measured.ratio('ratePerS', { of: 'PingBatch, proto', to: 'GET /ping' }),
        target: { atLeast: 4 },
      },
      {
        what: 'pings/s, JSON, vs GET /ping',
        unit: 'x',
        value: measured.ratio('ratePerS', { of: 'PingBatch, JSON', to: 'GET /ping' }),
      },
    ],
    notes: [
      'Rates and CPU times are per ping, latencies per call. GET /ping with 64 connections, batches with 4, all to one server.',
    ],
  };
}
