/** Every level of the wheel has 64 slots: 6 bits of the tick. */
const slotBits = 6;
const slotsPerLevel = 64;
/** Six levels cover the 32 bits of a tick; of the top level only four slots exist, and they form a ring. */
const levels = 6;
const topShift = slotBits * (levels - 1);

/** Slots are numbered through all levels: level * 64 + slot. */
export const slotCount = levels * slotsPerLevel;

/** How far ahead a timer can be filed: three of the top level's four slots, so that the ring never laps itself. */
export const horizonTicks = 3 * 2 ** topShift;
/** How far back a due is remembered; the rest of the ring. */
const pastTicks = 2 ** topShift - 1;

// Ticks live modulo 2^32: 3 * 2^30 of them lie ahead of the present (596 days of 16 ms), the others behind it.

/** From one tick to another: up to the horizon ahead (positive), otherwise back (negative). */
export function signedDistance(tick: number, from: number): number {
  const ahead = (tick - from) >>> 0;
  return ahead <= horizonTicks ? ahead : ahead - 2 ** 32;
}

/** The tick at a distance (any number but NaN), which is cut to what the ring can hold. */
export function tickAtDistance(distance: number, from: number): number {
  return (from + Math.max(-pastTicks, Math.min(distance, horizonTicks))) >>> 0;
}

/**
 * The slot for a tick that lies ahead: on the level of the highest 6-bit digit in which it differs from the present. So
 * whatever is on a lower level comes before whatever is on a higher one.
 */
export function slotOf(tick: number, present: number): number {
  const level = ((31 - Math.clz32(tick ^ present)) / slotBits) | 0;
  return level * slotsPerLevel + ((tick >>> (level * slotBits)) & (slotsPerLevel - 1));
}

/** The first tick of a slot that lies ahead. */
export function slotStart(slot: number, present: number): number {
  const level = (slot / slotsPerLevel) | 0;
  const shift = level * slotBits;
  // A shift by 36 would be one by 4: the top level has no digits above its own.
  const above = level === levels - 1 ? 0 : (present >>> (shift + slotBits)) << (shift + slotBits);
  return (above | ((slot & (slotsPerLevel - 1)) << shift)) >>> 0;
}

/** Which slots hold entries: a bit each, two 32-bit words a level, so that empty time costs nothing. */
export class Occupancy {
  readonly #words = new Uint32Array(levels * 2);

  add(slot: number): void {
    this.#words[slot >>> 5]! |= 1 << (slot & 31);
  }

  delete(slot: number): void {
    this.#words[slot >>> 5]! &= ~(1 << (slot & 31));
  }

  clear(): void {
    this.#words.fill(0);
  }

  /** The occupied slot that comes first after the present; -1 when there is none. All of them lie ahead. */
  first(present: number): number {
    for (let level = 0; level < levels; level++) {
      const low = this.#words[level * 2]!;
      const high = this.#words[level * 2 + 1]!;
      if (low === 0 && high === 0) continue;
      // Only the top level goes around: what is past the present's own slot comes first.
      const ahead = level === levels - 1 ? low & (~1 << (present >>> topShift)) : 0;
      return level * slotsPerLevel + (ahead !== 0 ? lowestBit(ahead, 0) : lowestBit(low, high));
    }
    return -1;
  }
}

/** Index of the lowest set bit of a 64-bit word given as two halves, not both 0. */
function lowestBit(low: number, high: number): number {
  return low !== 0 ? 31 - Math.clz32(low & -low) : 63 - Math.clz32(high & -high);
}
