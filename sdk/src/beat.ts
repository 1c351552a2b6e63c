import { cutMessage } from './error-message.ts';
import { defaultGrace, type Frequency, frequencyProblem, graceProblem } from './frequency.ts';

/**
 * `ok`: all is well. `fail`: down at once. `start`: a run began. `keep_alive`: the run goes on, its longest time counts
 * anew. `log`: a note that changes nothing.
 */
export type BeatStatus = 'ok' | 'start' | 'fail' | 'log' | 'keep_alive';

export type PingDetails = {
  /** Default `ok`. */
  status?: BeatStatus | undefined;
  /** A note. Cut to 10,000 bytes. */
  message?: string | undefined;
  /** How long the run took, 0 to 366 days. */
  durationMs?: number | undefined;
  /** Exit code of the run, a 32-bit integer. Other than 0 makes an `ok` a `fail`. */
  exitCode?: number | undefined;
  /** Id of the run, up to 64 bytes. */
  run?: string | undefined;
  /** How long past the due time the beat may still come. Default: 10 % of the period, at least 2 s, at most 1 h. */
  grace?: Frequency | undefined;
  /** Tags of the monitor, up to 20, each 1 to 64 bytes without commas and control characters. Given ones replace those it has. */
  tags?: readonly string[] | undefined;
  /**
   * Channels that its alerts go to, up to 20 names. Given ones replace those it has. The server rejects a beat that names
   * a channel which it does not know.
   */
  channels?: readonly string[] | undefined;
};

/** What a beat is about, checked. */
export type Monitor = { name: string; frequency: Frequency; grace: Frequency };

/** One checked beat, as it waits in the queue. */
export type Beat = {
  /** The same on every attempt, so that the server counts the beat once. */
  id: string;
  monitor: Monitor;
  status: BeatStatus;
  message: string;
  durationMs: number | undefined;
  exitCode: number | undefined;
  run: string;
  tags: readonly string[];
  channels: readonly string[];
  /** When it happened, by both of the client's clocks. */
  wallMs: number;
  monotonicMs: number;
};

const NAME_BYTES_MAX = 256;
const RUN_BYTES_MAX = 64;
const LABELS_MAX = 20;
const LABEL_BYTES_MAX = 64;
const DURATION_MS_MAX = 366 * 86_400_000;

const wireStatus: Record<BeatStatus, string> = {
  ok: 'BEAT_STATUS_OK',
  start: 'BEAT_STATUS_START',
  fail: 'BEAT_STATUS_FAIL',
  log: 'BEAT_STATUS_LOG',
  keep_alive: 'BEAT_STATUS_KEEP_ALIVE',
};

/** Checks what names a monitor; `problem` says what is valid. Never throws. */
export function checkMonitor(
  name: unknown,
  frequency: unknown,
  grace: unknown,
): { monitor: Monitor; problem?: undefined } | { problem: string; monitor?: undefined } {
  if (!isName(name)) {
    return { problem: `name must be a text of 1 to 256 bytes (UTF-8) without control characters; got ${shown(name)}` };
  }
  const wrongFrequency = frequencyProblem(frequency);
  if (wrongFrequency) return { problem: `${wrongFrequency}; got ${shown(frequency)}` };
  const wrongGrace = grace === undefined ? undefined : graceProblem(grace);
  if (wrongGrace) return { problem: `${wrongGrace}; got ${shown(grace)}` };
  const checked = frequency as Frequency;
  return { monitor: { name, frequency: checked, grace: (grace as Frequency | undefined) ?? defaultGrace(checked) } };
}

/**
 * Checks the details of a `ping`. A detail that can not be sent is left out and named in `problems`: losing the whole
 * beat would raise a false alarm. Only an unknown status yields no details, since it decides what the beat means.
 */
export function checkDetails(details: PingDetails): {
  checked: Pick<Beat, 'status' | 'message' | 'durationMs' | 'exitCode' | 'run' | 'tags' | 'channels'> | undefined;
  problems: string[];
} {
  const { status = 'ok', message = '', durationMs, exitCode, run = '', tags = [], channels = [] } = details;
  const problems: string[] = [];
  const keep = <T>(value: T, valid: boolean, problem: string): T | undefined => {
    if (valid) return value;
    problems.push(`${problem}; got ${shown(value)}`);
    return undefined;
  };
  if (typeof status !== 'string' || !Object.hasOwn(wireStatus, status)) {
    return {
      checked: undefined,
      problems: [`status must be ok, start, fail, log or keep_alive; got ${shown(status)}`],
    };
  }
  const checked = {
    status,
    message: cutMessage(keep(message, typeof message === 'string', 'message must be a text') ?? ''),
    durationMs: keep(durationMs, durationMs == null || isDuration(durationMs), 'durationMs must be 0 to 366 days'),
    exitCode: keep(exitCode, exitCode == null || (exitCode | 0) === exitCode, 'exitCode must be a 32-bit integer'),
    run: keep(run, isText(run, RUN_BYTES_MAX), 'run must be a text of at most 64 bytes (UTF-8)') ?? '',
    tags:
      keep(
        tags,
        isLabels(tags),
        'tags must be at most 20 texts of 1 to 64 bytes without commas and control characters',
      ) ?? [],
    channels: keep(channels, isLabels(channels), 'channels must be at most 20 names of 1 to 64 bytes') ?? [],
  };
  return { checked, problems };
}

/**
 * A beat as ProtoJSON of `tocsin.v1.PingRequest`.
 *
 * `stamped` adds the client's own time. A beat that goes out at once does without: the server's time of receipt is as
 * good, and a client whose clock is wrong then does no harm. A beat that waited must carry it, or its arrival would count
 * as a sign of life from now.
 */
export function beatJson(beat: Beat, stamped: boolean): string {
  const { name, frequency, grace } = beat.monitor;
  return JSON.stringify({
    name,
    frequency,
    grace,
    status: wireStatus[beat.status],
    beatId: beat.id,
    timestamp: stamped ? String(Math.floor(beat.wallMs / 1000)) : undefined,
    message: beat.message || undefined,
    duration: beat.durationMs == null ? undefined : `${(beat.durationMs / 1000).toFixed(3)}s`,
    exitCode: beat.exitCode ?? undefined,
    run: beat.run || undefined,
    tags: beat.tags.length > 0 ? beat.tags : undefined,
    channels: beat.channels.length > 0 ? beat.channels : undefined,
  });
}

function isName(value: unknown): value is string {
  return isText(value, NAME_BYTES_MAX) && value !== '' && !/\p{Cc}/u.test(value);
}

function isText(value: unknown, bytesMax: number): value is string {
  if (typeof value !== 'string' || value.length > bytesMax) return false;
  return value.isWellFormed() && new TextEncoder().encode(value).length <= bytesMax;
}

function isLabels(value: unknown): boolean {
  if (!Array.isArray(value) || value.length > LABELS_MAX) return false;
  return value.every((label) => isText(label, LABEL_BYTES_MAX) && label !== '' && !/[\p{Cc},]/u.test(label));
}

function isDuration(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= DURATION_MS_MAX;
}

/** A short text of anything, for messages. Never throws. */
function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return String(value);
  return typeof value === 'object' ? 'an object' : 'a function';
}
