import { IdIndex } from '../store/id-index.ts';
import { TimingWheel } from './wheel/timing-wheel.ts';

/**
 * The wheel, by monitor id (a positive integer). A hint only: what is due is decided anew from the stored state.
 */
export class MonitorTimers {
  readonly #wheel: TimingWheel;
  readonly #handles = new IdIndex();
  /** By handle. */
  readonly #ids: number[] = [];

  constructor(nowMs: number) {
    this.#wheel = new TimingWheel({ epochMs: nowMs });
  }

  /** Monitors that await something. */
  get size(): number {
    return this.#wheel.size;
  }

  /** Wakes the monitor at `wakeMs` (Unix ms) instead of whenever it was set to; null: not at all. */
  set(id: number, wakeMs: number | null): void {
    if (wakeMs === null) {
      this.delete(id);
      return;
    }
    let handle = this.#handles.get(id);
    if (handle < 0) {
      handle = this.#wheel.allocate();
      this.#ids[handle] = id;
      this.#handles.set(id, handle);
    }
    this.#wheel.arm(handle, wakeMs);
  }

  delete(id: number): void {
    const handle = this.#handles.get(id);
    if (handle < 0) return;
    this.#wheel.release(handle);
    this.#handles.delete(id);
  }

  /** Takes up to `limit` monitors that are due at `nowMs`. They must be `set` again, or they sleep. */
  takeDue(nowMs: number, limit: number): number[] {
    return Array.from(this.#wheel.advance(nowMs, limit), (handle) => this.#ids[handle]!);
  }

  /** No monitor is due before this time (Unix ms); null when none awaits anything. */
  nextMs(): number | null {
    return this.#wheel.nextMs();
  }

  /** The wall clock jumped to `nowMs`. */
  reset(nowMs: number): void {
    this.#wheel.reset(nowMs);
  }
}
