import type { Acknowledgement, ToldChannel } from '../engine/domain/alerting/alert-progress.ts';
import type { AlertRules } from '../engine/domain/alerting/alert-rules.ts';
import { silencesOf, subjectOf } from '../engine/domain/alerting/plan.ts';
import type { Monitor } from '../engine/domain/monitor.ts';
import type { DeliveryQueue } from '../outbox/delivery-queue.ts';

/**
 * `acknowledged`: somebody cares. `held`: it waits for a monitor that this one depends on. `flapping`: nothing more is told
 * until it is steady. `silenced`: a silence holds. `told`: somebody is told. `waiting`: nobody was yet.
 */
export type AlertState = 'told' | 'waiting' | 'acknowledged' | 'silenced' | 'held' | 'flapping';

/** How it stands with the alert of a monitor that is down. Times in Unix ms. */
export type AlertView = {
  state: AlertState;
  /** In the order in which they were told first. */
  told: readonly (ToldChannel & { /** It still waits to be delivered. */ pending: boolean })[];
  /** When somebody is told next, if nothing changes; null: nobody is. */
  nextMs: number | null;
  ack: Acknowledgement | null;
  /** Ids of the silences that hold. */
  silences: readonly string[];
  /** The monitor that it waits for; '' when it waits for none. */
  heldBy: string;
};

/** The alert of a monitor at `nowMs`; null when the monitor is not down. */
export function alertViewOf(
  monitor: Monitor,
  { rules, nowMs, queue }: { rules: AlertRules; nowMs: number; queue: Pick<DeliveryQueue, 'isPending'> },
): AlertView | null {
  if (monitor.incident === null) return null;
  const { held, alert } = monitor.progress;
  const { told: toldTo = [], ack = null } = alert?.open ?? {};
  const told = toldTo.map((each) => ({ ...each, pending: queue.isPending(monitor.id, each.channel) }));
  const silences = silencesOf(subjectOf(monitor), rules, nowMs).map(({ id }) => id);
  const seen = { told, nextMs: alert?.nextMs ?? null, ack, silences, heldBy: held?.by ?? '' };
  if (held !== null) return { state: 'held', ...seen };
  if (ack !== null) return { state: 'acknowledged', ...seen };
  if (alert?.flapping) return { state: 'flapping', ...seen };
  if (silences.length > 0) return { state: 'silenced', ...seen };
  return { state: told.length > 0 ? 'told' : 'waiting', ...seen };
}
