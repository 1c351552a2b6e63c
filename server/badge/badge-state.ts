import type { Phase } from '../engine/domain/phase.ts';

/** What a badge says. */
export type BadgeState = {
  /** The worst of the monitors. */
  status: Phase;
  total: number;
  counts: Record<Phase, number>;
};

/** The worst first. What awaits nothing says the least. */
const worstFirst: readonly Phase[] = ['down', 'late', 'up', 'new', 'paused'];

/** The state of several monitors as one; null when there are none. */
export function badgeState(phases: readonly Phase[]): BadgeState | null {
  const counts: Record<Phase, number> = { new: 0, up: 0, late: 0, down: 0, paused: 0 };
  for (const phase of phases) counts[phase] += 1;
  const status = worstFirst.find((phase) => counts[phase] > 0);
  return status === undefined ? null : { status, total: phases.length, counts };
}
