const secondMs = 1000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const weekMs = 7 * dayMs;

/** The shortest frequency of a monitor, ms (1 s). */
export const minFrequencyMs = secondMs;

/** The longest duration that is accepted anywhere, ms (366 days, so a yearly job fits in a leap year). */
export const maxDurationMs = 366 * dayMs;

export type ParsedDuration = { ok: true; ms: number } | { ok: false; problem: string };

/**
 * Reads a duration in its wire form: a whole number and one of W (week), D (day), h, m, s. Case matters, because M would
 * be a month elsewhere; a fraction, a sign, a space and every other unit is a problem, and so is a value outside
 * `minMs` (0 unless given) to `maxMs` (`maxDurationMs` unless given), both inclusive.
 *
 * `problem` reads on after the name of the field: "must be a whole number and one of …", or only the range when that is
 * all that is wrong.
 */
export function parseDuration(text: string, options: { minMs?: number; maxMs?: number } = {}): ParsedDuration {
  const { minMs = 0, maxMs = maxDurationMs } = options;
  const last = text.length - 1;
  const unit = unitMs(text.charCodeAt(last));
  let count = 0;
  let valid = unit > 0 && last > 0;
  for (let index = 0; valid && index < last; index++) {
    const digit = text.charCodeAt(index) - 48;
    valid = digit >= 0 && digit <= 9;
    // Any number of digits may come: past the largest duration the count only has to stay too large.
    count = Math.min(count * 10 + digit, maxDurationMs + 1);
  }
  const ms = count * unit;
  if (valid && ms >= minMs && ms <= maxMs) return { ok: true, ms };
  const range = `from ${formatDuration(minMs)} to ${formatDuration(maxMs)}`;
  if (valid) return { ok: false, problem: `must be ${range}` };
  const form = `must be a whole number and one of W, D, h, m, s, such as 10m, ${range}`;
  return { ok: false, problem: `${form}${caseHint(text, options)}` };
}

/** The shortest wire form of `ms` (0 or more): 600000 is "10m", 90000 is "90s". Part of a second counts as a whole one. */
export function formatDuration(ms: number): string {
  const seconds = Math.ceil(ms / secondMs);
  if (seconds === 0) return '0s';
  const wholeMs = seconds * secondMs;
  for (const [name, unit] of unitsLongestFirst) {
    if (wholeMs % unit === 0) return `${wholeMs / unit}${name}`;
  }
  return `${seconds}s`;
}

const unitsLongestFirst: readonly (readonly [string, number])[] = [
  ['W', weekMs],
  ['D', dayMs],
  ['h', hourMs],
  ['m', minuteMs],
];

/** The length of the unit with this character code, ms; 0 when there is none. */
function unitMs(charCode: number): number {
  switch (charCode) {
    case 115: // s
      return secondMs;
    case 109: // m
      return minuteMs;
    case 104: // h
      return hourMs;
    case 68: // D
      return dayMs;
    case 87: // W
      return weekMs;
    default:
      return 0;
  }
}

/** Suggests the unit of the other case where that would do. Not for M, which may well mean a month. */
function caseHint(text: string, options: { minMs?: number; maxMs?: number }): string {
  if (!/^[0-9]{1,15}[dwHS]$/.test(text)) return '';
  const unit = text.at(-1)!;
  const meant = text.slice(0, -1) + (unit === 'd' || unit === 'w' ? unit.toUpperCase() : unit.toLowerCase());
  return parseDuration(meant, options).ok ? `; did you mean ${meant}?` : '';
}
