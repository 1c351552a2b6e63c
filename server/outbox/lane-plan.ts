import type { Notice } from '../engine/domain/notice.ts';
import type { ChannelTraffic, Instant } from './channel-traffic.ts';
import type { FreshDeliveries, WaitingKind } from './delivery-queue.ts';
import { decideGrouping } from './grouping.ts';
import type { Lane } from './lanes.ts';

/** What becomes of a channel's fresh deliveries now. */
export type LanePlan = {
  /** How many are claimed to go by themselves, of each kind. */
  singles: { down: number; other: number };
  /** The one that goes by itself stands for a digest: there is nothing to put with it. */
  isLone: boolean;
  /** A digest is formed now. */
  isDigest: boolean;
  /** Only downs are grouped. */
  isKeyed: boolean;
  /** When there will be more to decide, monotonic; null: not by the passing of time. */
  untilMs: number | null;
};

const none = { singles: { down: 0, other: 0 }, isLone: false, isDigest: false, isKeyed: false, untilMs: null };

/**
 * Decides what becomes of the fresh deliveries of a channel that may begin `room` attempts. Where receivers keep what is open
 * under a key, only what opens is grouped: a recovery goes by itself, at once. Without a lane all go, to be given up.
 */
export function planLane(
  lane: Lane | undefined,
  state: { waiting: FreshDeliveries; traffic: ChannelTraffic; room: number; now: Instant },
): LanePlan {
  const { waiting, traffic, room, now } = state;
  const { fresh, downs, oldestMs, newestMs } = waiting;
  if (room === 0) return none;
  const down = Math.min(downs, room);
  const other = Math.min(fresh - downs, room - down);
  if (!lane) return { ...none, singles: { down, other } };
  const { digest, isBatched, isKeyed } = lane;
  const grouped = isKeyed ? downs : fresh;
  if (grouped === 0) return { ...none, isKeyed, singles: { down, other } };
  const nowMs = now.monotonicMs;
  const grouping = decideGrouping({
    fresh: grouped,
    // Deliveries have the time of the wall clock, which may jump.
    oldestMs: nowMs - Math.max(0, now.wallMs - oldestMs),
    newestMs: nowMs - Math.max(0, now.wallMs - newestMs),
    ...traffic.history,
    digest,
    isBatched,
    nowMs,
  });
  const isLone = grouping.kind === 'digest' && grouped === 1;
  if (isLone || grouping.kind === 'singles') return { ...none, isKeyed, isLone, singles: { down, other } };
  return {
    ...none,
    singles: { down: 0, other: isKeyed ? Math.min(fresh - downs, room) : 0 },
    isDigest: grouping.kind === 'digest',
    isKeyed,
    untilMs: grouping.kind === 'wait' ? grouping.untilMs : null,
  };
}

/** How many deliveries of a kind may be claimed; undefined where there is no plan. */
export function freshLimit(plan: LanePlan | undefined, kind: WaitingKind): number | undefined {
  return kind === 'tried' ? undefined : plan?.singles[kind];
}

/** Whether a notice counts when it is decided what goes as a digest. */
export function isGrouped({ isKeyed }: Pick<Lane, 'isKeyed'>, { type }: Notice): boolean {
  return !isKeyed || type === 'down' || type === 'flapping';
}
