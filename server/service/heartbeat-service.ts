import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { codeToString } from '@connectrpc/connect/protocol-connect';
import {
  Accepted,
  type HeartbeatService,
  type PingRequest,
  PingRequestSchema,
  type PingResponseSchema,
  type PingResultSchema,
  type PingStreamRequest,
  type PingStreamResponseSchema,
} from '../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import type { Clock } from '../clock.ts';
import type { Outcome, Refusal } from '../engine/command.ts';
import { checkMonitorName } from '../engine/domain/monitor-name.ts';
import type { Engine } from '../engine/engine.ts';
import { BoundedQueue } from './bounded-queue.ts';
import { callError, fieldOf, quoteInput } from './call-error.ts';
import { statusOf, timestampOf } from './monitor-message.ts';
import { type ReadBeat, readBeat } from './read-beat.ts';
import type { RequestValidator } from './request-validator.ts';
import type { ServiceHandlers } from './service-handlers.ts';

/** Items of one stream that may wait for their commit, or for a client that does not read its answers. */
const streamInFlightMax = 1_000;

type Options = { engine: Engine; clock: Clock; validator: RequestValidator; defaultGraceMs: number };
type PingAnswer = MessageInitShape<typeof PingResponseSchema>;
type PingResult = MessageInitShape<typeof PingResultSchema>;
type PingStreamResponse = MessageInitShape<typeof PingStreamResponseSchema>;

/** HeartbeatService on the engine. */
export function heartbeatService(options: Options): ServiceHandlers<typeof HeartbeatService> {
  const { engine, clock, validator, defaultGraceMs } = options;

  /** The time of receipt is when the request is here in full: a body that trickles in across the deadline came too late. */
  function read(request: PingRequest, receivedMs: number): ReadBeat {
    return readBeat(request, { receivedMs, defaultGraceMs });
  }

  /** One item of a batch or a stream, which nobody has checked yet. */
  function readItem(item: PingRequest, receivedMs: number): ReadBeat {
    try {
      const error = validator.check(PingRequestSchema, item);
      return error === null ? read(item, receivedMs) : { ok: false, error };
    } catch (error) {
      return { ok: false, error: ConnectError.from(error) };
    }
  }

  async function streamItem({ seq, ping }: PingStreamRequest): Promise<PingStreamResponse> {
    // Without a ping the item has an empty name, and the answer says so.
    const item = readItem(ping ?? create(PingRequestSchema), clock.wallMs());
    const result = item.ok ? pingResult(await engine.beat(item.beat), clock.wallMs()) : errorResult(item.error);
    return { seq, result };
  }

  return {
    async ping(request) {
      const ping = read(request, clock.wallMs());
      if (!ping.ok) throw ping.error;
      const outcome = await engine.beat(ping.beat);
      if (!outcome.ok) throw refusalError(outcome.refusal);
      return pingAnswer(outcome, clock.wallMs());
    },

    async pingBatch({ pings }) {
      const receivedMs = clock.wallMs();
      const items = pings.map((item) => readItem(item, receivedMs));
      const outcomes = await engine.beats(items.flatMap((item) => (item.ok ? item.beat : [])));
      const nowMs = clock.wallMs();
      let answered = 0;
      return {
        results: items.map((item) => (item.ok ? pingResult(outcomes[answered++]!, nowMs) : errorResult(item.error))),
      };
    },

    async *pingStream(requests) {
      const answers = new BoundedQueue<ReturnType<typeof streamItem>>(streamInFlightMax);
      void readStream(requests, (item) => answers.push(streamItem(item))).then(
        () => answers.end(),
        (error) => answers.end(error),
      );
      for await (const answer of answers) yield await answer;
    },

    async remove({ name }) {
      const problem = checkMonitorName(name);
      if (problem !== null) {
        const message = `name: ${problem}; got ${quoteInput(name)}`;
        throw callError({ code: Code.InvalidArgument, message, field: 'name' });
      }
      const outcome = await engine.remove(name);
      if (!outcome.ok) throw refusalError(outcome.refusal);
      return { name };
    },
  };
}

/** Hands each item on until the stream ends, or `take` resolves to false. */
async function readStream<T>(items: AsyncIterable<T>, take: (item: T) => Promise<boolean>): Promise<void> {
  for await (const item of items) if (!(await take(item))) return;
}

const acceptedNames = {
  applied: Accepted.APPLIED,
  stale: Accepted.STALE,
  duplicate: Accepted.DUPLICATE,
} as const;

function pingAnswer({ monitor, accepted, atMs }: Outcome & { ok: true }, nowMs: number): PingAnswer {
  return {
    name: monitor.name,
    status: statusOf(monitor, nowMs),
    accepted: acceptedNames[accepted],
    acceptedAt: timestampOf(atMs),
    dueAt: timestampOf(monitor.dueMs),
    deadline: timestampOf(monitor.deadlineMs),
  };
}

function pingResult(outcome: Outcome, nowMs: number): PingResult {
  if (!outcome.ok) return errorResult(refusalError(outcome.refusal));
  return { result: { case: 'response', value: pingAnswer(outcome, nowMs) } };
}

const codes: Record<Refusal['code'], Code> = {
  invalid_argument: Code.InvalidArgument,
  not_found: Code.NotFound,
  resource_exhausted: Code.ResourceExhausted,
  unavailable: Code.Unavailable,
};

function refusalError({ code, message, field }: Refusal): ConnectError {
  return callError({ code: codes[code], message, field: field === '' ? undefined : field });
}

function errorResult(error: ConnectError): PingResult {
  const value = { code: codeToString(error.code), message: error.rawMessage, field: fieldOf(error) ?? '' };
  return { result: { case: 'error', value } };
}
