import type { MaintenanceWindow } from './maintenance.ts';
import type { CronSchedule } from './schedule.ts';

/** How bad it is when a monitor is down, the worst first. */
export const severities = ['critical', 'error', 'warning', 'info'] as const;
export type Severity = (typeof severities)[number];

/** What people set of a monitor besides period and grace. Times in ms. Never changed in place: a new state has a new one. */
export type MonitorConfig = {
  /** What made the monitor: a ping that was the first of its name, a call, or a document of monitors. */
  origin: 'ping' | 'api' | 'file';
  description: string;
  /** Null: the schedule is the monitor's period. */
  cron: CronSchedule | null;
  /** How long a run may take from its start; then it has failed. A `start` then counts as heard. Null: as long as it likes. */
  maxRunMs: number | null;
  /** A run that ends sooner has failed. */
  minRunMs: number | null;
  /** A run that begins sooner after the one before has failed. */
  minIntervalMs: number | null;
  /** Failures and misses in a row that make it go down, 1 to 100. */
  failuresToAlert: number;
  /** Beats in a row that are ok until it is up again, 1 to 100. */
  beatsToRecover: number;
  tags: readonly string[];
  /** Channels that its notices go to; none: the default. */
  channels: readonly string[];
  /** Names of monitors: while one of them is down, the alert of this one is held. */
  dependsOn: readonly string[];
  maintenance: readonly MaintenanceWindow[];
  severity: Severity;
  /** Id under which it can be pinged without its name, a UUID; '' when it has none. */
  pingId: string;
};

/** That of a monitor made by pings that said nothing but their frequency: shared by nearly all, and compared by identity. */
export const plainConfig: MonitorConfig = Object.freeze({
  origin: 'ping',
  description: '',
  cron: null,
  maxRunMs: null,
  minRunMs: null,
  minIntervalMs: null,
  failuresToAlert: 1,
  beatsToRecover: 1,
  tags: [],
  channels: [],
  dependsOn: [],
  maintenance: [],
  severity: 'critical',
  pingId: '',
});

/** Everything that people may set of a monitor. */
export type MonitorSpec = MonitorConfig & {
  /** Period, ms; 0 with a cron schedule. */
  frequencyMs: number;
  graceMs: number;
};
