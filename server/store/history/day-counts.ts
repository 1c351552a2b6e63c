import type { BeatStatus } from '../../engine/domain/monitor.ts';
import { dayOf } from '../../engine/domain/spent-time.ts';
import { addDuration, type DurationStats, noDurations } from './duration-stats.ts';

/** What came of one monitor on one day. */
export type DayCount = { day: number; monitorId: number; beats: number; failures: number };

/** A monitor's durations of one day. */
export type DayDurations = { day: number; monitorId: number; stats: DurationStats };

type CountedBeat = { monitorId: number; status: BeatStatus; atMs: number; durationMs: number | null };

/** Counts by day that are not in the database yet: by the places of `BeatHeads`, since nearly all are of one day. */
export class DayCounts {
  #days = new Int32Array(0);
  #beats = new Uint32Array(0);
  #failures = new Uint32Array(0);
  /** Those of other days than the one at the monitor's place, by monitor and day. */
  readonly #others = new Map<string, DayCount>();
  readonly #durations = new Map<string, DayDurations>();

  /** Counts that take more memory than those in the arrays. */
  get extra(): number {
    return this.#others.size + this.#durations.size;
  }

  add(place: number, beat: CountedBeat): void {
    const day = dayOf(beat.atMs);
    if (place >= this.#days.length) this.#grow(place + 1);
    const failed = beat.status === 'fail' ? 1 : 0;
    if (this.#beats[place] === 0) this.#days[place] = day;
    if (this.#days[place] === day) {
      this.#beats[place]! += 1;
      this.#failures[place]! += failed;
    } else this.#addOther({ day, monitorId: beat.monitorId, beats: 1, failures: failed });
    if (beat.durationMs !== null) this.#addDuration(day, beat.monitorId, beat.durationMs);
  }

  /** What came of a monitor on a day; zero when nothing did. */
  of(place: number, monitorId: number, day: number): { beats: number; failures: number; stats: DurationStats | null } {
    const other = this.#others.get(key(day, monitorId));
    const isHere = place < this.#days.length && this.#days[place] === day;
    return {
      beats: (isHere ? this.#beats[place]! : 0) + (other?.beats ?? 0),
      failures: (isHere ? this.#failures[place]! : 0) + (other?.failures ?? 0),
      stats: this.#durations.get(key(day, monitorId))?.stats ?? null,
    };
  }

  /** The count at a place; null when it has none. */
  at(place: number, monitorId: number): DayCount | null {
    const beats = place < this.#beats.length ? this.#beats[place]! : 0;
    return beats === 0 ? null : { day: this.#days[place]!, monitorId, beats, failures: this.#failures[place]! };
  }

  get others(): Iterable<DayCount> {
    return this.#others.values();
  }

  get durations(): Iterable<DayDurations> {
    return this.#durations.values();
  }

  clear(): void {
    this.#beats.fill(0);
    this.#failures.fill(0);
    this.#others.clear();
    this.#durations.clear();
  }

  #addOther(count: DayCount): void {
    const at = key(count.day, count.monitorId);
    const other = this.#others.get(at);
    if (other) {
      other.beats += count.beats;
      other.failures += count.failures;
    } else this.#others.set(at, count);
  }

  #addDuration(day: number, monitorId: number, durationMs: number): void {
    const at = key(day, monitorId);
    let durations = this.#durations.get(at);
    if (!durations) {
      durations = { day, monitorId, stats: noDurations() };
      this.#durations.set(at, durations);
    }
    addDuration(durations.stats, durationMs);
  }

  #grow(least: number): void {
    const length = Math.max(1_024, least, this.#days.length * 2);
    const days = new Int32Array(length);
    const beats = new Uint32Array(length);
    const failures = new Uint32Array(length);
    days.set(this.#days);
    beats.set(this.#beats);
    failures.set(this.#failures);
    this.#days = days;
    this.#beats = beats;
    this.#failures = failures;
  }
}

function key(day: number, monitorId: number): string {
  return `${day} ${monitorId}`;
}
