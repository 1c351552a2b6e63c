import type { Monitor } from '../engine/domain/monitor.ts';
import type { Phase } from '../engine/domain/phase.ts';

/** By name in the order of its bytes, or by when monitors were made: keys that never change. */
export type MonitorOrder = 'name' | 'name_desc' | 'created' | 'created_desc';

/** A place in an order: the name of a monitor, or in the orders by creation its id. There need be none any more. */
export type MonitorPlace = string | number;

/** Which monitors to find. */
export type MonitorQuery = {
  order: MonitorOrder;
  /** Only what follows; null: from the beginning. */
  after: MonitorPlace | null;
  /** 1 to 10,000. */
  limit: number;
  /** Only monitors with this tag; '' or absent: all. */
  tag?: string;
  /** Only monitors whose name begins so, well-formed Unicode; '' or absent: all. */
  namePrefix?: string;
  /** Only monitors that are in one of these at a time, Unix ms; null or absent: all. */
  phases?: { anyOf: readonly Phase[]; atMs: number } | null;
};

/** `next`: where the next page begins after; null when there is no more. A page can be short, or empty, before the last. */
export type FoundMonitors = { monitors: Monitor[]; next: MonitorPlace | null };
