import { create, toBinary, toJsonString } from '@bufbuild/protobuf';
import { PingBatchRequestSchema, PingRequestSchema } from '../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import { monitorName, numberOffset, patchNumber } from '../monitor-names.ts';
import type { CallKind, LoadPlan } from './load-plan.ts';
import { randomNumbers, shuffledNumbers } from './random-numbers.ts';

/** Never due while a benchmark runs. */
export const longFrequency = '30D';
export const batchItems = 1_000;
/** Batches that are prepared at most; they are sent in turn. */
const preparedBatchesMax = 200;

/**
 * Makes the source of one connection's requests. The returned buffer is used again by the next call, so a connection
 * has one request under way at a time.
 */
export function http1Requests({ call, names }: Pick<LoadPlan, 'call' | 'names'>): () => () => Buffer {
  if (call === 'batch-connect-json' || call === 'batch-connect-proto') return batchRequests({ call, names });
  const random = randomNumbers(names);
  const template = pingRequest(call);
  const at = numberOffset(template);
  return () => {
    const bytes = Buffer.from(template);
    return () => {
      patchNumber(bytes, at, random());
      return bytes;
    };
  };
}

function pingRequest(call: CallKind): Buffer {
  const message = create(PingRequestSchema, { name: monitorName(0), frequency: longFrequency });
  switch (call) {
    case 'rest':
      return head(`GET /ping?name=${monitorName(0)}&frequency=${longFrequency}`, []);
    case 'connect-json':
      return post('Ping', 'application/json', Buffer.from(toJsonString(PingRequestSchema, message)));
    case 'connect-proto':
      return post('Ping', 'application/proto', toBinary(PingRequestSchema, message));
    default:
      throw new Error(`${call} does not go over HTTP/1.1`);
  }
}

function batchRequests(plan: { call: 'batch-connect-json' | 'batch-connect-proto'; names: LoadPlan['names'] }) {
  const { call, names } = plan;
  const numbers = shuffledNumbers(names);
  const batches: Buffer[] = [];
  for (let at = 0; at < numbers.length && batches.length < preparedBatchesMax; at += batchItems) {
    const items = Array.from(numbers.subarray(at, at + batchItems), (number) => ({
      name: monitorName(number),
      frequency: longFrequency,
    }));
    const message = create(PingBatchRequestSchema, { pings: items });
    batches.push(
      call === 'batch-connect-json'
        ? post('PingBatch', 'application/json', Buffer.from(toJsonString(PingBatchRequestSchema, message)))
        : post('PingBatch', 'application/proto', toBinary(PingBatchRequestSchema, message)),
    );
  }
  let turn = 0;
  return () => () => batches[turn++ % batches.length]!;
}

function post(method: string, contentType: string, body: Uint8Array): Buffer {
  const headers = [`Content-Type: ${contentType}`, 'Connect-Protocol-Version: 1', `Content-Length: ${body.byteLength}`];
  return Buffer.concat([head(`POST /tocsin.v1.HeartbeatService/${method}`, headers), body]);
}

function head(methodAndPath: string, headers: readonly string[]): Buffer {
  return Buffer.from([`${methodAndPath} HTTP/1.1`, 'Host: 127.0.0.1', ...headers, '', ''].join('\r\n'));
}
