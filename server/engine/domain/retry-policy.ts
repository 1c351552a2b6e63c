/** Upper end of the first delay, ms; it doubles with every attempt that fails. */
const firstDelayMaxMs = 2_000;
/** Where the doubling ends: 15 min. */
const delayMaxMs = 15 * 60_000;
/** The longest wait that a receiver may ask for: 1 h. */
const retryAfterMaxMs = 60 * 60_000;
/** A delivery that failed at this age, or older, is given up: 72 h. */
export const giveUpAgeMs = 72 * 60 * 60_000;
/**
 * Attempts before anything is given up, about two hours of them. Age alone would give up after one attempt what waited
 * while the server was off for days, or when the wall clock jumped ahead.
 */
const attemptsMin = 20;

export type RetryDecision = { kind: 'retry'; atMs: number } | { kind: 'bury' };

/**
 * What follows a failed attempt: another one after exponential back-off (1-2 s, 2-4 s, … up to 7.5-15 min), or the end.
 * Half of each delay is left to chance, so that receivers which come back are not met by everybody at once.
 */
export function decideRetry(failure: {
  /** When the delivery was made, Unix ms. */
  createdMs: number;
  nowMs: number;
  /** Attempts that have failed, this one included (1 or more). */
  failures: number;
  /** How long the receiver asked to wait; an hour at most is honoured. Undefined: it did not ask. */
  retryAfterMs: number | undefined;
  /** For how long no attempt of the channel has succeeded, while this process watched. */
  channelFailingMs: number;
  /** Uniform in [0, 1). */
  random: number;
}): RetryDecision {
  const { createdMs, nowMs, failures, retryAfterMs = 0, channelFailingMs, random } = failure;
  // A channel that fails as a whole has few attempts made, in turn for all that waits.
  const hasTried = failures >= attemptsMin || channelFailingMs >= giveUpAgeMs;
  if (hasTried && nowMs - createdMs >= giveUpAgeMs) return { kind: 'bury' };
  const ceilingMs = Math.min(delayMaxMs, firstDelayMaxMs * 2 ** (failures - 1));
  const delayMs = Math.floor((ceilingMs * (1 + random)) / 2);
  return { kind: 'retry', atMs: nowMs + Math.max(delayMs, Math.min(retryAfterMs, retryAfterMaxMs)) };
}
