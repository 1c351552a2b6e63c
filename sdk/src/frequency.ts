type Unit = 'W' | 'D' | 'h' | 'm' | 's';
type Digit = '0' | '1' | '2' | '3' | '4' | '5' | '6' | '7' | '8' | '9';

/**
 * How often a monitor is heard from: a whole number above 0 and one of W (week), D (day), h, m, s, such as `'10m'`; at
 * most `'366D'`. `CheckedFrequency` refuses what this pattern alone lets through, such as `'1.5h'`.
 */
export type Frequency = `${number | bigint}${Unit}`;

/** `F` when it is a frequency, as far as that is known before the program runs; else a type that nothing fits. */
export type CheckedFrequency<F extends Frequency> =
  IsLiteral<F> extends true ? (IsFrequency<F> extends true ? F : NotAFrequency) : F;

/** Shows up in the compiler's message. */
type NotAFrequency = Frequency & { readonly valid: 'a whole number above 0 and one of W, D, h, m, s, such as "10m"' };

/** A pattern such as `${number}m` becomes an index signature, which an empty object satisfies; a literal a property. */
type IsLiteral<S extends string> = Record<never, never> extends Record<S, 1> ? false : true;

type IsFrequency<S extends string, AboveZero extends boolean = false> = S extends Unit
  ? AboveZero
  : S extends `${infer D extends Digit}${infer Rest}`
    ? IsFrequency<Rest, D extends '0' ? AboveZero : true>
    : false;

const secondsPerUnit: Record<string, number> = { W: 604_800, D: 86_400, h: 3_600, m: 60, s: 1 };
const PERIOD_S_MAX = 366 * 86_400;

const FREQUENCY_RULE =
  'frequency must be a whole number above 0 and one of W, D, h, m, s (week, day, hour, minute, second), at most 366D, such as "10m"';
const GRACE_RULE =
  'grace must be a whole number and one of W, D, h, m, s (week, day, hour, minute, second), at most 366D, such as "30s"';

/** Whether a text from outside is a frequency, so that it can be passed on as one. */
export function isFrequency(value: unknown): value is Frequency {
  const periodS = seconds(value);
  return periodS !== undefined && periodS > 0;
}

/** What is wrong with `value` as a frequency; undefined when nothing is. */
export function frequencyProblem(value: unknown): string | undefined {
  return isFrequency(value) ? undefined : FREQUENCY_RULE;
}

/** What is wrong with `value` as a grace; undefined when nothing is. */
export function graceProblem(value: unknown): string | undefined {
  return seconds(value) === undefined ? GRACE_RULE : undefined;
}

/** 10 % of the period, at least 2 s and at most 1 h: room for a slow run and for a retry. */
export function defaultGrace(frequency: Frequency): Frequency {
  const tenthS = Math.ceil((seconds(frequency) ?? 0) / 10);
  return `${Math.min(3_600, Math.max(2, tenthS))}s`;
}

function seconds(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined;
  const match = /^([0-9]{1,11})([WDhms])$/.exec(value);
  if (!match) return undefined;
  const periodS = Number(match[1]) * (secondsPerUnit[match[2] ?? ''] ?? Number.NaN);
  return periodS <= PERIOD_S_MAX ? periodS : undefined;
}
