import type { BeatRecord, BlindInterval, IncidentRecord, Monitor, PauseRecord } from '../engine/domain/monitor.ts';
import type { DeliveryLog } from '../outbox/delivery-log.ts';
import type { DeliveryQueue, NewDelivery } from '../outbox/delivery-queue.ts';
import type { Catalog } from './catalog.ts';
import type { HistoryReads } from './history-types.ts';
import type { FoundMonitors, MonitorQuery } from './monitor-query.ts';

/**
 * A monitor by name (and, to spot a retry, the id of the beat that came for it), by id, by its ping id, or by its open incident
 * (also under the id that channels know it by). The last is for people: it looks at every incident that is open.
 */
export type MonitorKey =
  | { name: string; beatId?: string }
  | { id: number }
  | { pingId: string }
  | { incidentId: string };

/** What is stored under a key. `seenBeat` is set when the key's `beatId` is already in this monitor's history. */
export type Loaded = { monitor: Monitor | undefined; seenBeat: { atMs: number } | undefined };

/** One monitor's part of a commit. It is written whole or, on a conflict, not at all. */
export type Change = {
  /** The new state; its `id` and `version` are those that were loaded (0 and 0: it must not exist yet). */
  monitor: Monitor;
  /** Forget the monitor instead of writing it; beats and deliveries of the same change are written, and what waits is sent. */
  remove: boolean;
  beats: BeatRecord[];
  /** An incident that is not open yet is opened; one that is, is ended, or gets another `heldBy`. */
  incidents: IncidentRecord[];
  pauses: PauseRecord[];
  deliveries: NewDelivery[];
};

/** `conflict`: the stored version is not the one that the change was made from. */
export type ChangeResult = { ok: true; id: number; version: number } | { ok: false; reason: 'conflict' };

/** When a stored monitor next needs the engine's attention, Unix ms. */
export type Armed = { id: number; wakeMs: number };

/**
 * The store cannot read or write now; `busy`: too much is being read. Nothing of the failed call is stored. The message is
 * fit for an operator's eye.
 */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly reason: 'full' | 'locked' | 'newer_schema' | 'io' | 'busy';

  constructor(reason: StoreError['reason'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/**
 * Durable state. It knows no transitions: the engine loads, the domain decides, `commit` writes with expected versions.
 * Every method rejects with StoreError when the medium fails.
 */
export interface Store extends HistoryReads {
  readonly deliveries: DeliveryQueue & DeliveryLog;
  readonly catalog: Catalog;

  /**
   * True for moments in which a commit waits for the medium, unless all of its changes are plain beats (an ok that only
   * moves a deadline): not the time to begin anything that can wait.
   */
  readonly isHolding: boolean;

  /** One result per key, in order. */
  load(keys: MonitorKey[]): Promise<Loaded[]>;

  /** Writes all changes in one transaction; durable when it resolves. One result per change, in order. */
  commit(changes: Change[]): Promise<ChangeResult[]>;

  /**
   * Writes a slice (2 ms at most) of what commits have left for later, if it is time to. The engine calls it after each
   * batch; a store that leaves nothing for later does nothing.
   */
  writeBehind(): Promise<void>;

  /** Up to `limit` (1 to 10,000) monitors with id > `afterId` that await something, by id: to fill the wheel at start. */
  scanArmed(afterId: number, limit: number): Promise<Armed[]>;

  /**
   * Finds monitors, a page at a time. What a page shows is as it is when it is answered; monitors that come, go and change
   * between two pages neither repeat nor hide others. The work is bounded: see `FoundMonitors`.
   */
  find(query: MonitorQuery): Promise<FoundMonitors>;

  countMonitors(): Promise<number>;

  /** The name of a monitor that names a channel; null when none does. Looks at every configuration: it is for people. */
  monitorNaming(channel: string): Promise<string | null>;

  /** The last "I was listening" stamp, Unix ms; null before the first. */
  lastListening(): Promise<number | null>;

  /**
   * Sets the stamp, and records `blind` (if any) in the same transaction. Blind time that begins within the interval
   * recorded last, or at its end, prolongs that one.
   */
  stampListening(atMs: number, blind: BlindInterval | null): Promise<void>;

  /** Blind intervals that ended after `afterMs`, oldest first; the newest 1,000 at most. */
  blindIntervals(afterMs: number): Promise<BlindInterval[]>;

  /**
   * Deletes up to `limit` of the oldest rows of each kind of history (closed incidents, ended pauses, deliveries given up) beyond the
   * newest `keep`, where a store may count in what is not history of that kind any more or not yet, such as open
   * incidents; returns how many it deleted. Beats have a bound of their own, which the store keeps by itself.
   */
  trimHistory(keep: number, limit: number): Promise<number>;

  close(): Promise<void>;
}
