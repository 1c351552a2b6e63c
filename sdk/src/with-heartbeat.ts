import { checkMonitor, type Monitor, type PingDetails } from './beat.ts';
import { errorMessage } from './error-message.ts';
import type { CheckedFrequency, Frequency } from './frequency.ts';

// biome-ignore lint/suspicious/noExplicitAny: the constraint that every function meets, whatever it takes.
export type AnyFunction = (this: any, ...args: any[]) => any;

export type HeartbeatOptions = Pick<PingDetails, 'grace' | 'tags' | 'channels'>;

/**
 * Returns a function of the same type as `job` that also reports each call: `ok` when it succeeds, `fail` with the
 * error's message when it throws or rejects. A call is never delayed, and never fails because of its report.
 *
 * @throws TypeError at once, never from a call, when `name` (1 to 256 bytes, no control characters), `frequency`
 *   (such as `'10m'`, at most `'366D'`), `grace` or `job` is not valid.
 */
export type WithHeartbeat = <const F extends Frequency, Job extends AnyFunction>(
  name: string,
  frequency: CheckedFrequency<F>,
  job: Job,
  options?: HeartbeatOptions,
) => Job;

/** Where wrapped jobs take the time and leave their reports. Neither may throw. */
export type RunSink = {
  monotonicMs(): number;
  ping(name: string, frequency: Frequency, details: PingDetails): void;
};

export function withHeartbeatInto(sink: RunSink): WithHeartbeat {
  return (name, frequency, job, options) => {
    if (typeof job !== 'function') throw new TypeError('job must be a function');
    const { monitor, problem } = checkMonitor(name, frequency, options?.grace);
    if (problem !== undefined) throw new TypeError(problem);
    const { tags, channels } = options ?? {};
    return wrapJob(monitor, job, { sink, tags, channels });
  };
}

/**
 * `job`, with each call reported. A proxy: name, length, own properties and what `new` does stay as they are.
 *
 * A result with a `then` is answered by what its `then` returns, not by the result itself: a watcher on the side would
 * either mark a rejection as handled, or start a lazy thenable (a query builder) a second time.
 */
function wrapJob<Job extends AnyFunction>(
  monitor: Monitor,
  job: Job,
  { sink, ...named }: Pick<PingDetails, 'tags' | 'channels'> & { sink: RunSink },
): Job {
  return new Proxy(job, {
    apply(target, thisArgument, args) {
      const startedMs = sink.monotonicMs();
      const ended = (status: 'ok' | 'fail', message: string) => {
        const durationMs = Math.max(0, sink.monotonicMs() - startedMs);
        sink.ping(monitor.name, monitor.frequency, { grace: monitor.grace, ...named, status, message, durationMs });
      };
      const succeeded = <T>(value: T): T => {
        ended('ok', '');
        return value;
      };
      const failed = (error: unknown): never => {
        ended('fail', errorMessage(error));
        throw error;
      };
      let result: unknown;
      try {
        result = Reflect.apply(target, thisArgument, args);
      } catch (error) {
        return failed(error);
      }
      const then = thenOf(result);
      return then ? follow(result, then, succeeded, failed) : succeeded(result);
    },
  });
}

type Then = (onFulfilled: (value: unknown) => unknown, onRejected: (error: unknown) => unknown) => unknown;

function follow(
  result: unknown,
  then: Then,
  succeeded: (value: unknown) => unknown,
  failed: (error: unknown) => never,
): unknown {
  // What has a `catch` has a `then` that returns a promise of its own kind. A bare thenable's `then` may return nothing,
  // call back twice, or throw; a promise made from it sees to that, as `await` would.
  if (typeof (result as { catch?: unknown }).catch === 'function') {
    try {
      return Reflect.apply(then, result, [succeeded, failed]);
    } catch (error) {
      return Promise.reject(error).catch(failed);
    }
  }
  return new Promise((resolve, reject) => Reflect.apply(then, result, [resolve, reject])).then(succeeded, failed);
}

/** Reads `then` once, as `await` does; a getter that throws is left for the caller to meet. */
function thenOf(result: unknown): Then | undefined {
  if ((typeof result !== 'object' && typeof result !== 'function') || result === null) return undefined;
  try {
    const { then } = result as { then?: unknown };
    return typeof then === 'function' ? (then as Then) : undefined;
  } catch {
    return undefined;
  }
}
