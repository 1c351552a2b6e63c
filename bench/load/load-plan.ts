/** Which bytes a request is made of. */
export type CallKind =
  | 'rest'
  | 'connect-json'
  | 'connect-proto'
  | 'batch-connect-json'
  | 'batch-connect-proto'
  | 'grpc';

/** What the load generator is to do. */
export type LoadPlan = {
  port: number;
  call: CallKind;
  /** The monitors that are pinged, at random: `count` (1 to 10,000,000) of them from number `from` on. */
  names: { from: number; count: number };
  connections: number;
  /** Calls that one connection has under way at once; over HTTP/1.1 always 1. Default 1. */
  streams?: number;
  /** Before the measured time, ms. */
  warmUpMs: number;
  /** Measured time, ms. It also ends with `stop`. */
  measureMs: number;
  /**
   * Calls begun per second, whether or not those before have been answered; latency is then counted from the time at
   * which a call was to begin. Absent: each answer is followed by the next call at once (closed loop).
   */
  ratePerS?: number;
  /** The measured time begins at this wall time (Unix ms) instead of after the warm-up. */
  measureFromMs?: number;
};

export type LoadResult = {
  /** Good answers in the measured time. */
  answers: number;
  elapsedMs: number;
  /** Answers that were not good, and connections that broke. */
  errors: number;
  /** The first of them. */
  firstError: string;
  p50Ms: number;
  p99Ms: number;
  p999Ms: number;
  maxMs: number;
  /** The longest time without any answer. */
  maxGapMs: number;
  /** How late the generator's own timers were at most, ms: a gap no longer than this may be its own. */
  ownDelayMs: number;
  /** CPU time of the generator as a share of one core. */
  busy: number;
};

export type LoadCommand = { kind: 'run'; plan: LoadPlan } | { kind: 'stop' };

export type LoadReport =
  | { kind: 'measuring' }
  /** Once a second of the measured time. */
  | { kind: 'second'; answers: number }
  | { kind: 'done'; result: LoadResult };
