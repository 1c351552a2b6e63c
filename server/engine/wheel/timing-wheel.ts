import { horizonTicks, Occupancy, signedDistance, slotCount, slotOf, slotStart, tickAtDistance } from './tick-ring.ts';

/** Lists beside those of the slots. Entries whose slot has come: each is looked at once, and fires or is filed anew. */
const VISITING = slotCount;
/** Armed for a tick that has already come. Apart from VISITING, so that they cannot push back who waits there. */
const OVERDUE = slotCount + 1;

const NONE = -1;
/** Values of `prev` besides the previous entry (>= 0) and the list that the entry is the head of (~list). */
const FREE = -0x8000_0000;
const IDLE = FREE + 1;
/**
 * `due` of every timer that is not armed. A tick can have this value too, so it does not say that a timer is not armed,
 * only that `prev` must be asked. New memory holds it.
 */
const ASK = 0;

/** Handles are kept far from the values that `prev` reserves. */
const CAPACITY_MAX = 2 ** 28;
/** Entries looked at per entry that may fire; the rest are lazily re-armed or move down a level. */
const VISITS_PER_FIRE = 4;

export type TimingWheelOptions = {
  /** Unix ms of tick 0: the present. */
  epochMs: number;
  /** Length of a tick, 1 to 1,000 ms. Default 16. */
  tickMs?: number;
  /** Timers that fit before the first growth (it doubles). Default 1,024. */
  capacity?: number;
};

/**
 * A hierarchical timing wheel (Varghese and Lauck; tokio's `runtime/time/wheel` is the model) for very many timers that
 * are nearly always moved before they fire. It knows no clock: the caller says what time it is.
 *
 * - A timer takes 16 bytes: `next`, `prev`, `due`, `filed`. Where it is filed, and why ticks never run out, is told in
 *   `tick-ring.ts`.
 * - **Lazy re-arm**: `filed` is the tick at which an entry's slot is visited. A due at or after it is only written down,
 *   and the entry is filed anew when it is visited. Only an earlier due is re-filed at once.
 * - What is due is never before where it is filed, so a due that moves on is after both: the usual re-arm touches `due`
 *   and nothing else. With a million timers, how much memory is touched at random is what a re-arm costs: 4 MB that way.
 * - A slot is detached whole before its entries are looked at; the present does not move on until all of them have been.
 *   That makes every step resumable, which is how `advance` stays bounded.
 *
 * Misuse (a handle that is free, a time that is NaN) throws RangeError.
 */
export class TimingWheel {
  readonly #epochMs: number;
  readonly #tickMs: number;
  #next: Int32Array;
  #prev: Int32Array;
  #due: Uint32Array;
  #filed: Uint32Array;
  /** First entries of the slots and of the lists beside them. */
  readonly #heads = new Int32Array(OVERDUE + 1).fill(NONE);
  readonly #occupied = new Occupancy();
  /** Handles below this were handed out at least once. */
  #used = 0;
  #freeHead = NONE;
  #size = 0;
  /** The present, in ticks since the epoch: an integer of any size or sign. Everything due before it has fired. */
  #present = 0;
  /** `#present` modulo 2^32. */
  #presentLow = 0;

  constructor(options: TimingWheelOptions) {
    const { epochMs, tickMs = 16, capacity = 1024 } = options;
    assertRange('epochMs', epochMs, 0, Number.MAX_SAFE_INTEGER);
    assertRange('tickMs', tickMs, 1, 1000);
    assertRange('capacity', capacity, 1, CAPACITY_MAX);
    this.#epochMs = epochMs;
    this.#tickMs = tickMs;
    this.#next = new Int32Array(capacity);
    this.#prev = new Int32Array(capacity);
    this.#due = new Uint32Array(capacity);
    this.#filed = new Uint32Array(capacity);
  }

  /** Number of timers that are armed. */
  get size(): number {
    return this.#size;
  }

  /** Takes a free timer, not armed yet. Handles are small integers, used again after `release`. */
  allocate(): number {
    let handle = this.#freeHead;
    if (handle === NONE) {
      if (this.#used === this.#next.length) this.#grow();
      handle = this.#used++;
    } else {
      this.#freeHead = this.#next[handle]!;
    }
    this.#prev[handle] = IDLE;
    return handle;
  }

  /** Disarms and frees the handle. */
  release(handle: number): void {
    this.disarm(handle);
    this.#prev[handle] = FREE;
    this.#next[handle] = this.#freeHead;
    this.#freeHead = handle;
  }

  /**
   * Arms, or re-arms, a timer for `dueMs` (Unix ms, rounded up to a tick: never early). A due that has passed fires with
   * the next `advance`; one beyond the horizon (596 days of 16 ms ticks) fires there, so whoever sets such must check
   * when it fires.
   */
  arm(handle: number, dueMs: number): void {
    const ticks = Math.ceil((dueMs - this.#epochMs) / this.#tickMs) - this.#present;
    const due = this.#due[handle] ?? ASK;
    if (due !== ASK && ticks >= (due - this.#presentLow) >>> 0 && ticks <= horizonTicks) {
      this.#due[handle] = this.#presentLow + ticks;
    } else {
      this.#armAnew(handle, ticks);
    }
  }

  /** It will not fire. Does nothing to a timer that is not armed. */
  disarm(handle: number): void {
    this.#assertTaken(handle);
    if (this.#prev[handle] === IDLE) return;
    this.#unlink(handle);
    this.#idle(handle);
  }

  /**
   * Moves on to `nowMs` and returns up to `limit` handles that are due, in the order of their ticks (one armed when its
   * tick had already come counts as due at the present one); they are disarmed. At most `4 * limit` entries are looked
   * at, so it may return fewer than `limit`, even none, and leave a backlog: call again while `nextMs` is not after
   * `nowMs`. A `nowMs` before the present fires nothing and loses nothing.
   */
  advance(nowMs: number, limit: number): number[] {
    if (!(limit >= 1)) throw new RangeError('limit must be at least 1');
    const asked = this.#tickAt(nowMs);
    const fired: number[] = [];
    if (asked < this.#present) return fired;
    let visits = limit * VISITS_PER_FIRE;
    for (;;) {
      while (this.#heads[VISITING]! !== NONE) {
        if (fired.length >= limit || visits-- <= 0) return fired;
        const handle = this.#heads[VISITING]!;
        this.#unlink(handle);
        if (signedDistance(this.#due[handle]!, this.#presentLow) <= 0) {
          this.#idle(handle);
          fired.push(handle);
        } else {
          this.#file(handle, this.#due[handle]!);
        }
      }
      if (!this.#detachNext(asked)) return fired;
    }
  }

  /**
   * A lower bound, Unix ms, for when the next timer fires: advancing to an earlier time returns nothing. It may be too
   * early (a coarse slot, a lazily re-armed timer); advancing to it and asking again terminates at the real one. Not
   * after the time last advanced to while there is a backlog; null when nothing is armed.
   */
  nextMs(): number | null {
    if (this.#size === 0) return null;
    return this.#epochMs + (this.#present + this.#nextDistance()) * this.#tickMs;
  }

  /**
   * Files every timer anew around another present, as after a jump of the wall clock in either direction. Dues stay what
   * they are; those that have passed fire with the next `advance`. Looks at every timer at once.
   */
  reset(nowMs: number): void {
    const present = this.#tickAt(nowMs);
    const shift = this.#present - present;
    const oldLow = this.#presentLow;
    this.#heads.fill(NONE);
    this.#occupied.clear();
    this.#moveTo(present);
    for (let handle = 0; handle < this.#used; handle++) {
      if (this.#prev[handle]! <= IDLE) continue;
      const distance = signedDistance(this.#due[handle]!, oldLow) + shift;
      this.#file(handle, tickAtDistance(distance, this.#presentLow));
    }
  }

  #tickAt(nowMs: number): number {
    const tick = Math.floor((nowMs - this.#epochMs) / this.#tickMs);
    if (!Number.isSafeInteger(tick)) throw new RangeError('nowMs is out of range');
    return tick;
  }

  /** Arms a timer that is not armed, or is armed for later, or for what has passed. */
  #armAnew(handle: number, ticks: number): void {
    this.#assertTaken(handle);
    if (Number.isNaN(ticks)) throw new RangeError('dueMs is not a number');
    const due = tickAtDistance(ticks, this.#presentLow);
    if (this.#prev[handle]! === IDLE) {
      this.#size++;
    } else {
      if (Math.max(0, ticks) >= (this.#filed[handle]! - this.#presentLow) >>> 0) {
        this.#due[handle] = due;
        return;
      }
      this.#unlink(handle);
    }
    this.#file(handle, due);
  }

  /** What becomes of an entry that was unlinked and is not filed again. */
  #idle(handle: number): void {
    this.#prev[handle] = IDLE;
    this.#due[handle] = ASK;
    this.#size--;
  }

  /** Puts an unlinked entry where its due (a tick modulo 2^32) belongs. */
  #file(handle: number, due: number): void {
    let list = OVERDUE;
    let filed = this.#presentLow;
    if (signedDistance(due, filed) > 0) {
      list = slotOf(due, filed);
      filed = slotStart(list, filed);
      this.#occupied.add(list);
    }
    this.#due[handle] = due;
    this.#filed[handle] = filed;
    const head = this.#heads[list]!;
    this.#next[handle] = head;
    this.#prev[handle] = ~list;
    if (head !== NONE) this.#prev[head] = handle;
    this.#heads[list] = handle;
  }

  #unlink(handle: number): void {
    const next = this.#next[handle]!;
    const prev = this.#prev[handle]!;
    if (prev >= 0) {
      this.#next[prev] = next;
    } else {
      const list = ~prev;
      this.#heads[list] = next;
      if (next === NONE && list < slotCount) this.#occupied.delete(list);
    }
    if (next !== NONE) this.#prev[next] = prev;
  }

  /** Makes the next entries up to tick `asked` the ones to visit, moving the present to them; false: there are none. */
  #detachNext(asked: number): boolean {
    const distance = this.#nextDistance();
    if (distance > asked - this.#present) {
      this.#moveTo(asked);
      return false;
    }
    let list = OVERDUE;
    if (this.#heads[OVERDUE] === NONE) {
      list = this.#occupied.first(this.#presentLow);
      this.#occupied.delete(list);
      this.#moveTo(this.#present + distance);
    }
    const head = this.#heads[list]!;
    this.#heads[list] = NONE;
    this.#heads[VISITING] = head;
    this.#prev[head] = ~VISITING;
    return true;
  }

  #moveTo(tick: number): void {
    this.#present = tick;
    this.#presentLow = tick >>> 0;
  }

  /** Ticks from the present to the next visit; Infinity when nothing is armed. */
  #nextDistance(): number {
    if (this.#heads[VISITING] !== NONE || this.#heads[OVERDUE] !== NONE) return 0;
    const slot = this.#occupied.first(this.#presentLow);
    return slot === NONE ? Number.POSITIVE_INFINITY : (slotStart(slot, this.#presentLow) - this.#presentLow) >>> 0;
  }

  #grow(): void {
    const capacity = this.#next.length * 2;
    if (capacity > CAPACITY_MAX) throw new RangeError(`more than ${CAPACITY_MAX} timers`);
    this.#next = grown(this.#next, new Int32Array(capacity));
    this.#prev = grown(this.#prev, new Int32Array(capacity));
    this.#due = grown(this.#due, new Uint32Array(capacity));
    this.#filed = grown(this.#filed, new Uint32Array(capacity));
  }

  #assertTaken(handle: number): void {
    if (!(handle < this.#used && handle >= 0) || this.#prev[handle] === FREE) {
      throw new RangeError(`timer ${handle} is not allocated`);
    }
  }
}

function grown<T extends Int32Array | Uint32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

function assertRange(what: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`${what} must be an integer from ${min} to ${max}, not ${value}`);
  }
}
