import type { DecisionContext } from './decision.ts';
import { maintenanceOverlap } from './maintenance.ts';
import type { Monitor } from './monitor.ts';

/** The maintenance of `monitor` that overlaps a time, Unix ms; null when none does. */
export function maintenanceOver(
  monitor: Pick<Monitor, 'config'>,
  range: { fromMs: number; toMs: number },
  { nextOccurrence }: Pick<DecisionContext, 'nextOccurrence'>,
): { fromMs: number; toMs: number } | null {
  const { maintenance } = monitor.config;
  return maintenance.length === 0 ? null : maintenanceOverlap(maintenance, range, nextOccurrence);
}

export function isInMaintenance(
  monitor: Pick<Monitor, 'config'>,
  { nowMs, nextOccurrence }: Pick<DecisionContext, 'nowMs' | 'nextOccurrence'>,
): boolean {
  return maintenanceOver(monitor, { fromMs: nowMs, toMs: nowMs }, { nextOccurrence }) !== null;
}
