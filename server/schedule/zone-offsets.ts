import { RecentlyUsed } from './recently-used.ts';

/** A time in which the offset of a zone from UTC stays the same. */
export type OffsetSegment = {
  /** Local time minus UTC, ms. */
  offsetMs: number;
  /** Exclusive: the next change, or where the search for one ended, at least `minReachMs` after the time asked for. */
  untilMs: number;
};

/** No offset from UTC that a zone has or had is larger (Manila had -15:56 until 1844). */
export const maxOffsetMs = 16 * 3_600_000;

/** How far a segment reaches at least, unless the offset changes. */
export const minReachMs = 2 * maxOffsetMs;

const dayMs = 24 * 3_600_000;
const spanDays = 32;
const spanMs = spanDays * dayMs;

/** Spans of 32 days that are remembered, some 100 bytes each: those around now, and where rare schedules occur next. */
const maxSpans = 256;

/** The offsets of one time zone, from Intl. Remembered in spans: asking Intl takes as long as all the rest of a search. */
export class ZoneOffsets {
  readonly #format: Intl.DateTimeFormat;
  readonly #spans = new RecentlyUsed<number, OffsetSegment[]>({
    limit: maxSpans,
    make: (span) => this.#segmentsOf(span * spanMs, (span + 1) * spanMs + minReachMs),
  });

  /** Throws a RangeError when Intl does not know the zone. */
  constructor(timeZone: string) {
    this.#format = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' });
  }

  /** The segment around `ms` (Unix ms). */
  segmentAt(ms: number): OffsetSegment {
    const segments = this.#spans.get(Math.floor(ms / spanMs));
    return segments.find(({ untilMs }) => ms < untilMs)!;
  }

  /** Looks once a day: no zone ever changed its offset twice within one. */
  #segmentsOf(fromMs: number, toMs: number): OffsetSegment[] {
    const segments: OffsetSegment[] = [];
    let offsetMs = this.#offsetAt(fromMs);
    for (let startMs = fromMs; startMs < toMs; startMs += dayMs) {
      const endMs = Math.min(startMs + dayMs, toMs);
      const next = this.#offsetAt(endMs);
      if (next === offsetMs) continue;
      segments.push({ offsetMs, untilMs: this.#changeBetween(startMs, endMs) });
      offsetMs = next;
    }
    segments.push({ offsetMs, untilMs: toMs });
    return segments;
  }

  /** The moment from which the offset is that of `endMs`. Changes happen on whole seconds. */
  #changeBetween(startMs: number, endMs: number): number {
    const before = this.#offsetAt(startMs);
    let low = startMs / 1000;
    let high = endMs / 1000;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.#offsetAt(middle * 1000) === before) low = middle;
      else high = middle;
    }
    return high * 1000;
  }

  /** From "11/21/2026, GMT+01:00"; old local mean times have seconds too. */
  #offsetAt(ms: number): number {
    const [, sign, hours, minutes, seconds] = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(this.#format.format(ms))!;
    const absolute = (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * 60 + Number(seconds ?? 0);
    return (sign === '-' ? -absolute : absolute) * 1000;
  }
}
