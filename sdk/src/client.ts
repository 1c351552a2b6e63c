import { checkDetails, checkMonitor, type PingDetails } from './beat.ts';
import { BeatSender } from './beat-sender.ts';
import type { BeatSink, TocsinStats } from './beat-sink.ts';
import type { Clock } from './clock.ts';
import { deadEnd } from './dead-end.ts';
import { endpointOf } from './endpoint.ts';
import { type ErrorReporter, errorReporter } from './error-reporter.ts';
import type { FetchLike } from './fetch-like.ts';
import type { CheckedFrequency, Frequency } from './frequency.ts';
import { systemClock } from './system-clock.ts';
import { TocsinError } from './tocsin-error.ts';
import { type WithHeartbeat, withHeartbeatInto } from './with-heartbeat.ts';

const BASE_URL_DEFAULT = 'http://127.0.0.1:4000';
const FLUSH_MS_DEFAULT = 10_000;

export type TocsinOptions = {
  /** The server, with its path if it has one. Default `http://127.0.0.1:4000`. */
  baseUrl?: string | undefined;
  /** Sent as `Authorization: Bearer`. */
  token?: string | undefined;
  /** Default: the global `fetch`, looked up at each attempt. */
  fetch?: FetchLike | undefined;
  /**
   * Hears of everything that went wrong; see `TocsinErrorKind`. What it throws is ignored. Default: mistakes in the
   * set-up (`refused`, `rejected`, `invalid`) go to `console.warn`, once each; the rest stays silent.
   */
  onError?: ((error: TocsinError) => void) | undefined;
  /** For tests. */
  clock?: Clock | undefined;
  /** For tests: 0 to 1, draws the jitter. */
  random?: (() => number) | undefined;
};

export type TimeLimit = {
  /** Milliseconds, 0 to 2^31-1. Default 10,000. */
  timeoutMs?: number | undefined;
};

/** Reports one beat in the background. Never throws: arguments that are not valid go to `onError`. */
export type Ping = <const F extends Frequency>(
  name: string,
  frequency: CheckedFrequency<F>,
  details?: PingDetails,
) => void;

export type Tocsin = {
  withHeartbeat: WithHeartbeat;
  ping: Ping;
  /**
   * Waits for everything reported so far, and begins with an attempt at once. True: the server has answered for all of
   * it. False: `timeoutMs` passed, or beats were given up. Never rejects. Keeps the process alive meanwhile.
   */
  flush(this: void, options?: TimeLimit): Promise<boolean>;
  /** Takes no more beats, flushes, then gives up the rest. Answers as `flush` does. */
  close(this: void, options?: TimeLimit): Promise<boolean>;
  stats(this: void): TocsinStats;
};

/** Makes a client of one server. Clients share nothing. Never throws: what can not be used goes to `onError`. */
export function createTocsin(options?: TocsinOptions): Tocsin {
  const clock = options?.clock ?? systemClock;
  const report = errorReporter(options?.onError);
  const sink = sinkOf(options ?? {}, clock, report);

  const ping = (name: string, frequency: Frequency, details?: PingDetails) => {
    try {
      const { monitor, problem } = checkMonitor(name, frequency, details?.grace);
      const { checked, problems } = checkDetails(details ?? {});
      const dropped = monitor && checked ? 0 : 1;
      for (const text of problem === undefined ? problems : [problem, ...problems]) {
        report(new TocsinError('invalid', `ping: ${text}`, { dropped, monitor: monitor?.name }));
      }
      if (!monitor || !checked) return;
      const id = globalThis.crypto.randomUUID();
      sink.add({ id, monitor, ...checked, wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() });
    } catch (cause) {
      report(new TocsinError('internal', 'a beat could not be queued', { dropped: 1, cause }));
    }
  };
  return {
    withHeartbeat: withHeartbeatInto({ monotonicMs: () => clock.monotonicMs(), ping }),
    ping,
    flush: (limit) => sink.flush(timeoutMsOf(limit)),
    close: (limit) => sink.close(timeoutMsOf(limit)),
    stats: () => sink.stats(),
  };
}

function sinkOf(options: TocsinOptions, clock: Clock, report: ErrorReporter): BeatSink {
  const { endpoint, problem } = endpointOf(options.baseUrl ?? BASE_URL_DEFAULT, options.token);
  if (problem !== undefined) return deadEnd(problem, report);
  const fetch: FetchLike = options.fetch ?? ((url, init) => globalThis.fetch(url, init));
  return new BeatSender({ endpoint, fetch, clock, random: options.random ?? Math.random, report });
}

function timeoutMsOf(limit: TimeLimit | undefined): number {
  const timeoutMs = limit?.timeoutMs ?? FLUSH_MS_DEFAULT;
  return timeoutMs >= 0 ? timeoutMs : FLUSH_MS_DEFAULT;
}
