import type { CronSchedule } from '../engine/domain/schedule.ts';
import { type CronPattern, parseCron } from './cron-pattern.ts';
import { nextLocalMinute } from './next-local-minute.ts';
import { RecentlyUsed } from './recently-used.ts';
import { timeZoneProblem } from './time-zone-problem.ts';
import { maxOffsetMs, minReachMs, ZoneOffsets } from './zone-offsets.ts';

const minuteMs = 60_000;

/** How far ahead an occurrence is looked for: what occurs at all does so within 40 years. */
const horizonMs = 41 * 366 * 24 * 60 * minuteMs;

/** The last Unix ms that a Date can hold, and then some distance. */
const lastMs = 8.64e15 - 2 * horizonMs;

/** Expressions and zones that are kept ready, about 1 kB and 30 kB each. */
const maxPatterns = 4096;
const maxZones = 256;

/**
 * Cron schedules: whether they are valid, and when they occur. What a change of the clock does to them stands in
 * docs/decisions/0009-cron-and-daylight-saving.md. Keeps no state but bounded caches.
 */
export class CronOccurrences {
  readonly #patterns = new RecentlyUsed<string, CronPattern>({ limit: maxPatterns, make: patternOf });
  readonly #zones = new RecentlyUsed<string, ZoneOffsets>({ limit: maxZones, make: (name) => new ZoneOffsets(name) });

  /** The port `NextOccurrence`. Throws a RangeError for a schedule that was never checked and is not valid. */
  readonly next = ({ expression, timeZone }: CronSchedule, afterMs: number): number | null => {
    const pattern = this.#patterns.get(expression);
    const zone = this.#zones.get(timeZone);
    if (!(Math.abs(afterMs) <= lastMs)) return null;
    const next = pattern.fixedTime ? nextFixedTime(pattern, zone, afterMs) : nextMatch(pattern, zone, afterMs);
    return next !== null && next - afterMs <= horizonMs ? next : null;
  };

  /** What is wrong with an expression, reading on after the name of its field ("must be five fields …"); or null. */
  expressionProblem(expression: string): string | null {
    const parsed = parseCron(expression);
    return parsed.ok ? null : parsed.problem;
  }

  /** What is wrong with the name of a time zone, in the same form; or null. */
  timeZoneProblem(timeZone: string): string | null {
    return timeZoneProblem(timeZone, (name) => this.#zones.get(name));
  }
}

function patternOf(expression: string): CronPattern {
  const parsed = parseCron(expression);
  if (!parsed.ok) throw new RangeError(`cron expression ${parsed.problem}`);
  return parsed.pattern;
}

/** The next minute of real time at which the local clock shows something that matches. */
function nextMatch(pattern: CronPattern, zone: ZoneOffsets, afterMs: number): number | null {
  let fromMs = Math.floor(afterMs) + 1;
  while (fromMs - afterMs <= horizonMs) {
    const { offsetMs, untilMs } = zone.segmentAt(fromMs);
    const minute = nextLocalMinute(pattern, Math.ceil((fromMs + offsetMs) / minuteMs));
    if (minute === null) return null;
    const matchMs = minute * minuteMs - offsetMs;
    if (matchMs < untilMs) return matchMs;
    // Whatever the offset will be: the local clock shows none of the minutes just searched once `fromMs` is as far behind
    // as offsets can differ, and it does not reach the match before the last such distance from it.
    const isFarBehind = untilMs - fromMs >= minReachMs;
    fromMs = isFarBehind ? Math.max(untilMs, matchMs - minReachMs) : untilMs;
  }
  return null;
}

/**
 * The next time at which a job for fixed times of day is due: once for each time on the local clock. A time that a change
 * of the clock skips counts as the moment of the change, one that comes twice as the first of the two.
 */
function nextFixedTime(pattern: CronPattern, zone: ZoneOffsets, afterMs: number): number | null {
  let from = Math.floor((afterMs + zone.segmentAt(afterMs).offsetMs) / minuteMs) + 1;
  for (;;) {
    const minute = nextLocalMinute(pattern, from);
    if (minute === null) return null;
    const dueMs = instantOf(minute * minuteMs, zone);
    // The hour that comes a second time is over already: a few minutes, at most the length of the change.
    if (dueMs > afterMs) return dueMs;
    from = minute + 1;
  }
}

/** The moment at which a local clock shows `localMs`: the first of two, and for a time that is skipped, the change. */
function instantOf(localMs: number, zone: ZoneOffsets): number {
  const before = zone.segmentAt(localMs - maxOffsetMs);
  const earlierMs = localMs - before.offsetMs;
  if (earlierMs < before.untilMs) return earlierMs;
  const after = zone.segmentAt(before.untilMs);
  return Math.max(localMs - after.offsetMs, before.untilMs);
}
