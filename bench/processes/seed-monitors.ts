import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { PingBatchRequestSchema, PingBatchResponseSchema } from '../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import { batchItems, longFrequency } from '../load/http1-requests.ts';
import { monitorName } from '../monitor-names.ts';

export type SeedOptions = {
  url: string;
  names: { from: number; count: number };
  /** Default: so long that they are never due. */
  frequency?: string;
  /** Unix seconds; absent: now. */
  timestampS?: number;
  onProgress?: (done: number) => void;
};

/** Batches that are under way at once: one is made and read here while the server works on the other. */
const concurrency = 2;

/** Pings every monitor once, by PingBatch. @throws Error when one is refused. */
export async function seedMonitors(options: SeedOptions): Promise<void> {
  const { from, count } = options.names;
  let next = from;
  let done = 0;
  const work = async (): Promise<void> => {
    while (next < from + count) {
      const names = { from: next, count: Math.min(batchItems, from + count - next) };
      next += names.count;
      await pingBatch({ ...options, names });
      done += names.count;
      options.onProgress?.(done);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
}

async function pingBatch({ url, names, frequency = longFrequency, timestampS }: SeedOptions): Promise<void> {
  const timestamp = timestampS === undefined ? undefined : BigInt(timestampS);
  const pings = Array.from({ length: names.count }, (_, index) => ({
    name: monitorName(names.from + index),
    frequency,
    timestamp,
  }));
  const response = await fetch(`${url}/tocsin.v1.HeartbeatService/PingBatch`, {
    method: 'POST',
    headers: { 'content-type': 'application/proto' },
    body: toBinary(PingBatchRequestSchema, create(PingBatchRequestSchema, { pings })),
  });
  if (!response.ok) throw new Error(`PingBatch: ${response.status} ${await response.text()}`);
  const { results } = fromBinary(PingBatchResponseSchema, new Uint8Array(await response.arrayBuffer()));
  const bad = results.find(({ result }) => result.case !== 'response');
  if (bad) throw new Error(`a ping was refused: ${bad.result.case === 'error' ? bad.result.value.message : '?'}`);
}
