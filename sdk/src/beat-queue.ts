import type { Beat } from './beat.ts';

/** A beat that waits for its answer. */
export type QueuedBeat = {
  readonly beat: Beat;
  /** How often it was sent. */
  attempts: number;
  /** How often the server answered "not now" to this very beat. */
  failures: number;
  /** Monotonic time before which it is not sent again. */
  notBeforeMs: number;
  inFlight: boolean;
};

/**
 * Beats in the order they were made, at most `capacity` of them, those in flight included. They leave when they are
 * settled, not when they are sent.
 */
export class BeatQueue {
  readonly #capacity: number;
  #beats: QueuedBeat[] = [];

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#beats.length;
  }

  all(): readonly QueuedBeat[] {
    return this.#beats;
  }

  /** Adds a beat, and hands back the one that had to make room for it. */
  add(beat: Beat): QueuedBeat | undefined {
    const dropped = this.#beats.length < this.#capacity ? undefined : this.#leastUseful(beat);
    if (dropped) this.remove(new Set([dropped]));
    this.#beats.push({ beat, attempts: 0, failures: 0, notBeforeMs: 0, inFlight: false });
    return dropped;
  }

  remove(settled: ReadonlySet<QueuedBeat>): void {
    if (settled.size > 0) this.#beats = this.#beats.filter((entry) => !settled.has(entry));
  }

  /** The first beats that may be sent now. One that has to wait holds back the later ones of its monitor, not others. */
  ready(nowMs: number, limit: number): QueuedBeat[] {
    const ready: QueuedBeat[] = [];
    const held = new Set<string>();
    for (const entry of this.#beats) {
      if (ready.length >= limit) break;
      const { name } = entry.beat.monitor;
      if (held.has(name)) continue;
      if (entry.inFlight || entry.notBeforeMs > nowMs) held.add(name);
      else ready.push(entry);
    }
    return ready;
  }

  /** The earliest monotonic time at which `ready` has something; undefined when the queue is empty. */
  nextReadyMs(): number | undefined {
    const held = new Map<string, number>();
    let nextMs: number | undefined;
    for (const { beat, notBeforeMs } of this.#beats) {
      const readyMs = Math.max(notBeforeMs, held.get(beat.monitor.name) ?? 0);
      held.set(beat.monitor.name, readyMs);
      if (nextMs === undefined || readyMs < nextMs) nextMs = readyMs;
    }
    return nextMs;
  }

  clearDelays(): void {
    for (const entry of this.#beats) entry.notBeforeMs = 0;
  }

  /** An old `ok` says the least: the newer ones of the same monitor say all that it did. */
  #leastUseful(newest: Beat): QueuedBeat | undefined {
    const waiting = this.#beats.filter((entry) => !entry.inFlight);
    const isOk = ({ beat }: QueuedBeat) => beat.status === 'ok';
    return (
      waiting.find((entry) => isOk(entry) && entry.beat.monitor.name === newest.monitor.name) ??
      waiting.find(isOk) ??
      waiting[0]
    );
  }
}
