import type { Monitor } from '../../engine/domain/monitor.ts';

type Rare = Pick<Monitor, 'hold' | 'incident' | 'repeatMs' | 'repeats'>;

const statuses: readonly Monitor['status'][] = ['new', 'up', 'down'];
const common: Rare = Object.freeze({ hold: null, incident: null, repeatMs: null, repeats: 0 });
/** Stands for null in the columns of times. */
const none = Number.NaN;
const capacityMin = 1_024;

/**
 * The state of every monitor, in columns: some 140 bytes each, names and indexes included, where an object per monitor
 * takes three times as much. What few monitors have (incidents, holds, repeats) is kept beside.
 *
 * A monitor keeps its slot until it is removed; slots are reused.
 */
export class MonitorTable {
  readonly #slotByName = new Map<string, number>();
  readonly #slotById = new Map<number, number>();
  readonly #rare = new Map<number, Rare>();
  #names: string[] = [];
  #free: number[] = [];
  /** Slots ever used: all are below it. */
  #end = 0;
  #status = new Uint8Array(0);
  #id = new Float64Array(0);
  #version = new Float64Array(0);
  #frequencyMs = new Float64Array(0);
  #graceMs = new Float64Array(0);
  #createdMs = new Float64Array(0);
  #lastBeatMs = new Float64Array(0);
  #dueMs = new Float64Array(0);
  #deadlineMs = new Float64Array(0);

  /** `capacity`: for how many monitors there is room before the columns must grow. */
  constructor(capacity: number) {
    this.#grow(Math.max(capacityMin, capacity));
  }

  get size(): number {
    return this.#slotById.size;
  }

  /** One past the highest slot in use. */
  get end(): number {
    return this.#end;
  }

  slotOfName(name: string): number | undefined {
    return this.#slotByName.get(name);
  }

  slotOfId(id: number): number | undefined {
    return this.#slotById.get(id);
  }

  versionAt(slot: number): number {
    return this.#version[slot]!;
  }

  /** The monitor at a slot in use. */
  at(slot: number): Monitor {
    const { hold, incident, repeatMs, repeats } = this.#rare.get(slot) ?? common;
    return {
      id: this.#id[slot]!,
      version: this.#version[slot]!,
      name: this.#names[slot]!,
      status: statuses[this.#status[slot]!]!,
      frequencyMs: this.#frequencyMs[slot]!,
      graceMs: this.#graceMs[slot]!,
      createdMs: this.#createdMs[slot]!,
      lastBeatMs: nullable(this.#lastBeatMs[slot]!),
      dueMs: nullable(this.#dueMs[slot]!),
      deadlineMs: nullable(this.#deadlineMs[slot]!),
      hold,
      incident,
      repeatMs,
      repeats,
    };
  }

  lastBeatMsAt(slot: number): number | null {
    return nullable(this.#lastBeatMs[slot]!);
  }

  /** Adds a monitor whose id and name are new; returns its slot. */
  add(monitor: Monitor): number {
    const slot = this.#free.pop() ?? this.#end++;
    if (slot >= this.#id.length) this.#grow(this.#id.length * 2);
    this.#slotByName.set(monitor.name, slot);
    this.#slotById.set(monitor.id, slot);
    this.#names[slot] = monitor.name;
    this.#id[slot] = monitor.id;
    this.put(slot, monitor);
    return slot;
  }

  /** Replaces the state at a slot, the version included; id and name stay. */
  put(slot: number, monitor: Monitor): void {
    this.#version[slot] = monitor.version;
    this.#status[slot] = statuses.indexOf(monitor.status);
    this.#frequencyMs[slot] = monitor.frequencyMs;
    this.#graceMs[slot] = monitor.graceMs;
    this.#createdMs[slot] = monitor.createdMs;
    this.#lastBeatMs[slot] = monitor.lastBeatMs ?? none;
    this.#dueMs[slot] = monitor.dueMs ?? none;
    this.#deadlineMs[slot] = monitor.deadlineMs ?? none;
    const { hold, incident, repeatMs, repeats } = monitor;
    if (hold || incident || repeatMs !== null || repeats !== 0) {
      this.#rare.set(slot, { hold, incident, repeatMs, repeats });
    } else if (this.#rare.size > 0) {
      this.#rare.delete(slot);
    }
  }

  /** Makes again what a beat of the journal made of the monitor at a slot: up, due one frequency after it. */
  move(slot: number, { atMs, frequencyMs, graceMs }: { atMs: number; frequencyMs: number; graceMs: number }): void {
    this.#version[slot]! += 1;
    this.#status[slot] = statuses.indexOf('up');
    this.#frequencyMs[slot] = frequencyMs;
    this.#graceMs[slot] = graceMs;
    this.#lastBeatMs[slot] = atMs;
    this.#dueMs[slot] = atMs + frequencyMs;
    this.#deadlineMs[slot] = atMs + frequencyMs + graceMs;
    this.#rare.delete(slot);
  }

  remove(slot: number): void {
    this.#slotByName.delete(this.#names[slot]!);
    this.#slotById.delete(this.#id[slot]!);
    this.#rare.delete(slot);
    this.#names[slot] = '';
    this.#free.push(slot);
  }

  #grow(capacity: number): void {
    const longer = (column: Float64Array<ArrayBuffer>) => {
      const next = new Float64Array(capacity);
      next.set(column);
      return next;
    };
    const status = new Uint8Array(capacity);
    status.set(this.#status);
    this.#status = status;
    this.#id = longer(this.#id);
    this.#version = longer(this.#version);
    this.#frequencyMs = longer(this.#frequencyMs);
    this.#graceMs = longer(this.#graceMs);
    this.#createdMs = longer(this.#createdMs);
    this.#lastBeatMs = longer(this.#lastBeatMs);
    this.#dueMs = longer(this.#dueMs);
    this.#deadlineMs = longer(this.#deadlineMs);
  }
}

function nullable(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
