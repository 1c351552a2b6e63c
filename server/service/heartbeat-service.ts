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
import type { Outcome } from '../engine/command.ts';
import { checkMonitorName } from '../engine/domain/monitor-name.ts';
import type { Engine } from '../engine/engine.ts';
import { BoundedQueue } from './bounded-queue.ts';
import type { CallContext } from './call-context.ts';
import { callError, fieldOf, quoteInput } from './call-error.ts';
import { statusOf, timestampOf } from './monitor-message.ts';
import { type BeatChecks, type ReadBeat, readBeat } from './read-beat.ts';
import { refusalError } from './refusal-error.ts';
import type { RequestValidator } from './request-validator.ts';
import type { ServiceHandlers } from './service-handlers.ts';

/** Items of one stream that may wait for their commit, or for a client that does not read its answers. */
const streamInFlightMax = 1_000;

type Options = { engine: Engine; clock: Clock; validator: RequestValidator; checks: BeatChecks };
type PingAnswer = MessageInitShape<typeof PingResponseSchema>;
type PingResult = MessageInitShape<typeof PingResultSchema>;
type PingStreamResponse = MessageInitShape<typeof PingStreamResponseSchema>;

/** HeartbeatService on the engine. */
export function heartbeatService(options: Options): ServiceHandlers<typeof HeartbeatService> {
  const { engine, clock, validator, checks } = options;

  /** The time of receipt is when the request is here in full: a body that trickles in across the deadline came too late. */
  function read(request: PingRequest, { remoteAddress, userAgent }: CallContext, receivedMs: number): ReadBeat {
    return readBeat(request, { receivedMs, address: remoteAddress, userAgent }, checks);
  }

  /** One item of a batch or a stream, which nobody has checked yet. */
  function readItem(item: PingRequest, context: CallContext, receivedMs: number): ReadBeat {
    try {
      const error = validator.check(PingRequestSchema, item);
      return error === null ? read(item, context, receivedMs) : { ok: false, error };
    } catch (error) {
      return { ok: false, error: ConnectError.from(error) };
    }
  }

  async function streamItem({ seq, ping }: PingStreamRequest, context: CallContext): Promise<PingStreamResponse> {
    // Without a ping the item has an empty name, and the answer says so.
    const item = readItem(ping ?? create(PingRequestSchema), context, clock.wallMs());
    const result = item.ok ? pingResult(await engine.beat(item.beat), clock.wallMs()) : errorResult(item.error);
    return { seq, result };
  }

  return {
    async ping(request, context) {
      const ping = read(request, context, clock.wallMs());
      if (!ping.ok) throw ping.error;
      const outcome = await engine.beat(ping.beat);
      if (!outcome.ok) throw refusalError(outcome.refusal);
      return pingAnswer(outcome, clock.wallMs());
    },

    async pingBatch({ pings }, context) {
      const receivedMs = clock.wallMs();
      const items = pings.map((item) => readItem(item, context, receivedMs));
      const outcomes = await engine.beats(items.flatMap((item) => (item.ok ? item.beat : [])));
      const nowMs = clock.wallMs();
      let answered = 0;
      return {
        results: items.map((item) => (item.ok ? pingResult(outcomes[answered++]!, nowMs) : errorResult(item.error))),
      };
    },

    async *pingStream(requests, context) {
      const answers = new BoundedQueue<ReturnType<typeof streamItem>>(streamInFlightMax);
      void readStream(requests, (item) => answers.push(streamItem(item, context))).then(
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
  unchanged: Accepted.APPLIED,
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

function errorResult(error: ConnectError): PingResult {
  const value = { code: codeToString(error.code), message: error.rawMessage, field: fieldOf(error) ?? '' };
  return { result: { case: 'error', value } };
}
