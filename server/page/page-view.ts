export type PageStatus = 'new' | 'up' | 'late' | 'down' | 'paused';

/** What the page says of one monitor. Times are Unix ms; null: there is none. */
export type PageMonitor = {
  name: string;
  status: PageStatus;
  lastBeatMs: number | null;
  dueMs: number | null;
  deadlineMs: number | null;
  /** End of the hold that a late monitor got because the server itself was not listening. */
  heldUntilMs: number | null;
  /** The open incident of a monitor that is down. */
  incident: { startedMs: number; cause: string } | null;
  /** How often it must be heard from, such as "10m" or "0 3 * * * Europe/Berlin". */
  schedule: string;
  graceMs: number;
};

/** All that the start page shows. */
export type PageView = {
  /** Origin under which the reader reached the server, such as "http://127.0.0.1:4000"; no slash at the end. */
  baseUrl: string;
  nowMs: number;
  /** In any order. When there are more than these, all that are down come before any other. */
  monitors: PageMonitor[];
  /** Whether there are more monitors than `monitors` holds. */
  more: boolean;
  /** Whether calls need a token. */
  tokenRequired: boolean;
  /** Where alerts of the default channel go. */
  alertTarget: 'log' | 'webhook';
  /** How many routes send alerts to channels. */
  routes: number;
  /** In any order: all, or those with trouble and some more. */
  channels: PageChannel[];
  /** The alerts whose last attempt failed; null while there are none. */
  failingAlerts: FailingAlerts | null;
};

/** How a channel is doing. Times are Unix ms; null: there is none. */
export type PageChannel = {
  name: string;
  /** Such as "slack". */
  kind: string;
  /** Alerts that wait or are under way. */
  pending: number;
  /** Those of them whose last attempt failed. */
  failing: number;
  /** Since the server started. */
  lastSentMs: number | null;
  /** Why an attempt failed, the last that did. */
  lastError: string;
  /** It failed so often that it is left alone until then. */
  retryMs: number | null;
};

/** Alerts that are not getting out. */
export type FailingAlerts = {
  /** How many, 1 or more. */
  count: number;
  /** When the oldest was made, Unix ms. */
  oldestMs: number;
  /** Why the last attempt failed, in plain words. */
  error: string;
};
