import type { Monitor } from '../../engine/domain/monitor.ts';
import { type MonitorConfig, plainConfig } from '../../engine/domain/monitor-config.ts';
import { noProgress } from '../../engine/domain/progress.ts';
import { IdIndex } from '../id-index.ts';
import { NameIndex } from '../name-index.ts';

type Rare = Pick<Monitor, 'hold' | 'incident' | 'progress'>;

const statuses: readonly Monitor['status'][] = ['new', 'up', 'down', 'paused'];
const common: Rare = Object.freeze({ hold: null, incident: null, progress: noProgress });
/** Stands for null in the columns of times. */
const none = Number.NaN;
const capacityMin = 1_024;

/** The numbers of a monitor, one after another: with an array for each, every ping would touch a cache line for each. */
const numbers = 8;
const ID = 0;
const VERSION = 1;
const FREQUENCY_MS = 2;
const GRACE_MS = 3;
const CREATED_MS = 4;
const LAST_BEAT_MS = 5;
const DUE_MS = 6;
const DEADLINE_MS = 7;

/**
 * The state of every monitor in flat arrays: some 120 bytes each, names and indexes included, where an object per monitor
 * takes three times as much. What few monitors have (configuration, incidents, holds, open runs) is kept beside.
 *
 * A monitor keeps its slot until it is removed; slots are reused.
 */
export class MonitorTable {
  readonly #names: NameIndex;
  readonly #ids = new IdIndex();
  readonly #rare = new Map<number, Rare>();
  readonly #configs = new Map<number, MonitorConfig>();
  /** Where the first beat that counts is not the one that made the monitor. */
  readonly #firstBeats = new Map<number, number | null>();
  readonly #slotsByPingId = new Map<string, number>();
  #free: number[] = [];
  /** Slots ever used: all are below it. */
  #end = 0;
  #status = new Uint8Array(0);
  #numbers = new Float64Array(0);

  /** `capacity`: for how many monitors there is room before it must grow. `seed`: of the index of names. */
  constructor({ capacity, seed }: { capacity: number; seed: number }) {
    this.#names = new NameIndex({ seed, capacity });
    this.#grow(Math.max(capacityMin, capacity));
  }

  get size(): number {
    return this.#names.size;
  }

  /** One past the highest slot in use. */
  get end(): number {
    return this.#end;
  }

  /** The slot of a name; -1 when no monitor has it. */
  slotOfName(name: string): number {
    return this.#names.find(name);
  }

  /** The slot of an id; -1 when no monitor has it. */
  slotOfId(id: number): number {
    return this.#ids.get(id);
  }

  /** The name of a monitor that names a channel; null when none does. */
  naming(channel: string): string | null {
    for (const [slot, { channels }] of this.#configs) if (channels.includes(channel)) return this.#names.nameAt(slot);
    return null;
  }

  /** The slot of an open incident; -1 when none is. Looks at all that is rare: some ms while 100,000 monitors are down. */
  slotOfIncident(incidentId: string): number {
    for (const [slot, { incident, progress }] of this.#rare) {
      if (incident === null) continue;
      if (incident.id === incidentId || progress.alert?.open?.incident.id === incidentId) return slot;
    }
    return -1;
  }

  /** The slot of a ping id; -1 when no monitor has it. */
  slotOfPingId(pingId: string): number {
    return this.#slotsByPingId.get(pingId) ?? -1;
  }

  /** Compared by identity. */
  configAt(slot: number): MonitorConfig {
    return (this.#configs.size > 0 && this.#configs.get(slot)) || plainConfig;
  }

  versionAt(slot: number): number {
    return this.#numbers[slot * numbers + VERSION]!;
  }

  lastBeatMsAt(slot: number): number | null {
    return nullable(this.#numbers[slot * numbers + LAST_BEAT_MS]!);
  }

  hasIncidentAt(slot: number): boolean {
    return this.#rare.size > 0 && this.#rare.get(slot)?.incident != null;
  }

  /** The monitor at a slot in use. */
  at(slot: number): Monitor {
    const { hold, incident, progress } = this.#rare.get(slot) ?? common;
    const row = this.#numbers;
    const from = slot * numbers;
    const createdMs = row[from + CREATED_MS]!;
    const lastBeatMs = nullable(row[from + LAST_BEAT_MS]!);
    return {
      id: row[from + ID]!,
      version: row[from + VERSION]!,
      name: this.#names.nameAt(slot),
      status: statuses[this.#status[slot]!]!,
      frequencyMs: row[from + FREQUENCY_MS]!,
      graceMs: row[from + GRACE_MS]!,
      config: this.configAt(slot),
      createdMs,
      firstBeatMs: this.#firstBeatMs(slot, { createdMs, lastBeatMs }),
      lastBeatMs,
      dueMs: nullable(row[from + DUE_MS]!),
      deadlineMs: nullable(row[from + DEADLINE_MS]!),
      hold,
      incident,
      progress,
    };
  }

  #firstBeatMs(slot: number, { createdMs, lastBeatMs }: Pick<Monitor, 'createdMs' | 'lastBeatMs'>): number | null {
    const firstMs = this.#firstBeats.size === 0 ? undefined : this.#firstBeats.get(slot);
    return firstMs === undefined ? usualFirstBeatMs({ createdMs, lastBeatMs }) : firstMs;
  }

  /** Adds a monitor whose id and name are new; returns its slot. */
  add(monitor: Monitor): number {
    const slot = this.#free.pop() ?? this.#end++;
    if (slot >= this.#status.length) this.#grow(this.#status.length * 2);
    this.#names.add(monitor.name, slot);
    this.#ids.set(monitor.id, slot);
    this.#numbers[slot * numbers + ID] = monitor.id;
    this.put(slot, monitor, monitor.version);
    return slot;
  }

  /** Replaces the state at a slot by that of `monitor`, and the version; id and name stay. */
  put(slot: number, monitor: Monitor, version: number): void {
    const row = this.#numbers;
    const from = slot * numbers;
    this.#status[slot] = statuses.indexOf(monitor.status);
    row[from + VERSION] = version;
    row[from + FREQUENCY_MS] = monitor.frequencyMs;
    row[from + GRACE_MS] = monitor.graceMs;
    row[from + CREATED_MS] = monitor.createdMs;
    row[from + LAST_BEAT_MS] = monitor.lastBeatMs ?? none;
    row[from + DUE_MS] = monitor.dueMs ?? none;
    row[from + DEADLINE_MS] = monitor.deadlineMs ?? none;
    const { hold, incident, progress } = monitor;
    if (hold || incident || progress !== noProgress) {
      this.#rare.set(slot, { hold, incident, progress });
    } else if (this.#rare.size > 0) {
      this.#rare.delete(slot);
    }
    if (monitor.firstBeatMs !== usualFirstBeatMs(monitor)) this.#firstBeats.set(slot, monitor.firstBeatMs);
    else if (this.#firstBeats.size > 0) this.#firstBeats.delete(slot);
    this.#putConfig(slot, monitor.config);
  }

  #putConfig(slot: number, config: MonitorConfig): void {
    const before = this.configAt(slot);
    if (before === config) return;
    if (before.pingId !== '') this.#slotsByPingId.delete(before.pingId);
    if (config.pingId !== '') this.#slotsByPingId.set(config.pingId, slot);
    if (config === plainConfig) this.#configs.delete(slot);
    else this.#configs.set(slot, config);
  }

  /** Makes again what a beat of the journal made of the monitor at a slot: up, due one frequency after it, in the middle of nothing. */
  move(slot: number, { atMs, frequencyMs, graceMs }: { atMs: number; frequencyMs: number; graceMs: number }): void {
    const row = this.#numbers;
    const from = slot * numbers;
    this.#status[slot] = statuses.indexOf('up');
    row[from + VERSION]! += 1;
    row[from + FREQUENCY_MS] = frequencyMs;
    row[from + GRACE_MS] = graceMs;
    row[from + LAST_BEAT_MS] = atMs;
    row[from + DUE_MS] = atMs + frequencyMs;
    row[from + DEADLINE_MS] = atMs + frequencyMs + graceMs;
    this.#rare.delete(slot);
  }

  remove(slot: number): void {
    this.#names.remove(slot);
    this.#ids.delete(this.#numbers[slot * numbers + ID]!);
    this.#rare.delete(slot);
    this.#firstBeats.delete(slot);
    this.#putConfig(slot, plainConfig);
    this.#free.push(slot);
  }

  #grow(capacity: number): void {
    const status = new Uint8Array(capacity);
    status.set(this.#status);
    this.#status = status;
    const longer = new Float64Array(capacity * numbers);
    longer.set(this.#numbers);
    this.#numbers = longer;
  }
}

/** Nearly every monitor is made by the beat that is its first. */
function usualFirstBeatMs({ createdMs, lastBeatMs }: Pick<Monitor, 'createdMs' | 'lastBeatMs'>): number | null {
  return lastBeatMs === null ? null : createdMs;
}

function nullable(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
