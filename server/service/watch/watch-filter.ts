import type { Monitor } from '../../engine/domain/monitor.ts';
import type { FeedChange } from './feed-change.ts';

/** What a watcher wants to see. */
export type WatchFilter = {
  /** Only monitors with this tag; '': all. */
  tag: string;
  /** Only monitors whose name begins so; '': all. */
  namePrefix: string;
  /** Every beat, not only what is notable. */
  beats: boolean;
};

/** Whether a monitor is among those that are watched. */
export function isWatched({ tag, namePrefix }: WatchFilter, { name, config }: Monitor): boolean {
  return name.startsWith(namePrefix) && (tag === '' || config.tags.includes(tag));
}

/** Whether a change is to be told: of a monitor that is watched, or was until now. */
export function wantsChange({ tag, namePrefix, beats }: WatchFilter, change: FeedChange): boolean {
  if (!change.notable && !beats) return false;
  if (!change.name.startsWith(namePrefix)) return false;
  return tag === '' || change.tags.includes(tag) || change.tagsBefore.includes(tag);
}
