import { durationMs } from '@bufbuild/protobuf/wkt';
import { Code, type ConnectError } from '@connectrpc/connect';
import { BeatStatus, type PingRequest } from '../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import { maxDurationMs, minFrequencyMs, parseDuration } from '../engine/domain/duration.ts';
import type { Beat, NamedConfig } from '../engine/domain/monitor.ts';
import { checkMonitorName } from '../engine/domain/monitor-name.ts';
import { callError, quoteInput } from './call-error.ts';
import { itemProblem, tagProblem } from './item-problem.ts';
import { type CronChecks, channelsHint, readCron } from './read-schedule.ts';

export type ReadBeat = { ok: true; beat: Beat } | { ok: false; error: ConnectError };

/** Where a beat came from, and when. */
export type BeatOrigin = {
  /** Unix ms. */
  receivedMs: number;
  address: string;
  userAgent: string;
};

/** What a beat may name. */
export type BeatChecks = CronChecks & {
  /** Names of the channels that exist. */
  channels: ReadonlySet<string>;
};

/** What is kept of a body, in bytes. */
export const bodyBytesMax = 10_000;

/**
 * The beat that a ping says, or what is wrong with it. The request has passed the rules of the proto; here is what rules
 * cannot say.
 */
export function readBeat(request: PingRequest, origin: BeatOrigin, checks: BeatChecks): ReadBeat {
  const nameProblem = checkMonitorName(request.name);
  if (nameProblem !== null) return invalid('name', nameProblem, request.name);
  const frequency = readFrequency(request.frequency);
  if (!frequency.ok) return invalid('frequency', frequency.problem, request.frequency);
  const grace = request.grace === undefined ? unnamed : parseDuration(request.grace);
  if (!grace.ok) return invalid('grace', grace.problem, request.grace);
  const named = readNamed(request, checks);
  if (!named.ok) return named;
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
      named: named.named,
      keepsSchedule: false,
      provision: null,
      stampS: stamp === undefined ? null : Number(stamp),
      receivedMs: origin.receivedMs,
      message: request.message,
      body: request.body.length === 0 ? null : request.body.slice(0, bodyBytesMax),
      durationMs: request.duration ? Math.round(durationMs(request.duration)) : null,
      exitCode: request.exitCode ?? null,
      run: request.run,
      beatId: request.beatId,
      address: origin.address,
      userAgent: origin.userAgent,
    },
  };
}

const beatStatuses: Record<BeatStatus, Beat['status']> = {
  [BeatStatus.UNSPECIFIED]: 'ok',
  [BeatStatus.OK]: 'ok',
  [BeatStatus.START]: 'start',
  [BeatStatus.FAIL]: 'fail',
  [BeatStatus.LOG]: 'log',
  [BeatStatus.KEEP_ALIVE]: 'keep_alive',
};

const unnamed = { ok: true as const, ms: null };

/** Whether one must be named depends on the monitor. */
function readFrequency(text: string) {
  return text === '' ? unnamed : parseDuration(text, { minMs: minFrequencyMs, maxMs: maxDurationMs });
}

type ReadNamed = { ok: true; named: NamedConfig | null } | (ReadBeat & { ok: false });

/** Null when a ping names nothing but frequency and grace, as nearly all. */
function readNamed(request: PingRequest, checks: BeatChecks): ReadNamed {
  const { cron, timeZone, tags } = request;
  if (cron === '' && timeZone === '' && tags.length === 0 && request.channels.length === 0) return namesNothing;
  if (cron !== '' && request.frequency !== '') return invalid('cron', 'must not be given with a frequency', cron);
  const schedule = cron === '' && timeZone === '' ? namesNoCron : readCron(request, checks);
  if (!schedule.ok) return invalid(schedule.field, schedule.problem, schedule.value);
  const wrongTag = itemProblem('tags', tags, tagProblem);
  if (wrongTag) return invalid(wrongTag.field, wrongTag.problem, wrongTag.value);
  const unknown = request.channels.find((name) => !checks.channels.has(name));
  if (unknown !== undefined) return invalid('channels', channelsHint(checks.channels), unknown);
  const named = {
    cron: schedule.cron,
    tags: tags.length === 0 ? null : [...new Set(tags)],
    channels: request.channels.length === 0 ? null : [...new Set(request.channels)],
  };
  return { ok: true, named };
}

const namesNothing = { ok: true as const, named: null };
const namesNoCron = { ok: true as const, cron: null };

function invalid(property: string, problem: string, value: unknown): ReadBeat & { ok: false } {
  const field = property === 'beatId' ? 'beat_id' : property;
  const got = value === '' ? '' : `; got ${quoteInput(value)}`;
  return { ok: false, error: callError({ code: Code.InvalidArgument, message: `${field}: ${problem}${got}`, field }) };
}
