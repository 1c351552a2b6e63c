import { durationMs } from '@bufbuild/protobuf/wkt';
import { Code, type ConnectError } from '@connectrpc/connect';
import { BeatStatus, type PingRequest } from '../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import { maxDurationMs, minFrequencyMs, parseDuration } from '../engine/domain/duration.ts';
import type { Beat } from '../engine/domain/monitor.ts';
import { checkMonitorName } from '../engine/domain/monitor-name.ts';
import { callError, quoteInput } from './call-error.ts';

export type ReadBeat = { ok: true; beat: Beat } | { ok: false; error: ConnectError };

/**
 * The beat that a ping says, or what is wrong with it. The request has passed the rules of the proto; here is what rules
 * cannot say.
 */
export function readBeat(request: PingRequest, at: { receivedMs: number; defaultGraceMs: number }): ReadBeat {
  const nameProblem = checkMonitorName(request.name);
  if (nameProblem !== null) return invalid('name', nameProblem, request.name);
  const frequency = parseDuration(request.frequency, { minMs: minFrequencyMs, maxMs: maxDurationMs });
  if (!frequency.ok) return invalid('frequency', frequency.problem, request.frequency);
  const grace = readGrace(request.grace, at.defaultGraceMs);
  if (!grace.ok) return invalid('grace', grace.problem, request.grace);
  const stamp = request.timestamp;
  if (stamp !== undefined && stamp > BigInt(Number.MAX_SAFE_INTEGER)) {
    return invalid('timestamp', 'must be Unix seconds, at most 60 s in the future', stamp);
  }
  for (const field of ['message', 'run', 'beatId'] as const) {
    if (!request[field].isWellFormed()) return invalid(field, 'must be valid Unicode', request[field]);
  }
  return {
    ok: true,
    beat: {
      name: request.name,
      // The proto's rules let only defined values pass.
      status: beatStatuses[request.status]!,
      frequencyMs: frequency.ms,
      graceMs: grace.ms,
      stampS: stamp === undefined ? null : Number(stamp),
      receivedMs: at.receivedMs,
      message: request.message,
      body: null,
      durationMs: request.duration ? Math.round(durationMs(request.duration)) : null,
      exitCode: request.exitCode ?? null,
      run: request.run,
      beatId: request.beatId,
      address: '',
      userAgent: '',
    },
  };
}

const beatStatuses: Record<BeatStatus, Beat['status']> = {
  [BeatStatus.UNSPECIFIED]: 'ok',
  [BeatStatus.OK]: 'ok',
  [BeatStatus.START]: 'start',
  [BeatStatus.FAIL]: 'fail',
  [BeatStatus.LOG]: 'log',
};

function readGrace(text: string | undefined, defaultMs: number) {
  return text === undefined ? { ok: true as const, ms: defaultMs } : parseDuration(text);
}

function invalid(property: string, problem: string, value: unknown): ReadBeat {
  const field = property === 'beatId' ? 'beat_id' : property;
  const got = value === '' ? '' : `; got ${quoteInput(value)}`;
  return { ok: false, error: callError({ code: Code.InvalidArgument, message: `${field}: ${problem}${got}`, field }) };
}
