import type { Severity } from '../monitor-config.ts';

/** Picks monitors: those that match everything that is set. */
export type MonitorMatcher = {
  /** They have all of these. */
  tags: readonly string[];
  /** '' for any. `*` stands for any characters, `?` for one, `\` takes the next as it is. */
  namePattern: string;
  /** They have one of these; none: any. */
  severities: readonly Severity[];
};

/** Who hears of alerts of some monitors, and when. */
export type Route = {
  name: string;
  match: MonitorMatcher;
  /** Each later than the one before. */
  steps: readonly { afterMs: number; channels: readonly string[] }[];
  /** Null: never; `default`: as `AlertRules.reminderMs`. */
  reminderMs: number | 'default' | null;
  recovery: boolean;
};

/** Some monitors are kept quiet from `fromMs` on, before `untilMs`. */
export type Silence = { id: string; match: MonitorMatcher; fromMs: number; untilMs: number };

/** All that says who hears of alerts and when. Replaced as a whole when something changes. */
export type AlertRules = {
  /**
   * The channels that there are, by name. `refreshMs`: what is open is told again so often, whatever else holds. `keepsOpen`:
   * the receiver keeps what is open until it hears that it is over.
   */
  channels: ReadonlyMap<string, { refreshMs: number | null; keepsOpen: boolean }>;
  /** Told when neither the monitor nor a route names a channel that there is. */
  defaultChannel: string;
  /** Sorted by name. */
  routes: readonly Route[];
  silences: readonly Silence[];
  /** A monitor flaps that goes down so often within an hour, 3 to 20; null: none is taken to. */
  flapDowns: number | null;
  /** Of monitors without a route, and of routes that say nothing of it, ms; null: none. */
  reminderMs: number | null;
};
