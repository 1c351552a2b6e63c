import type { Clock } from '../clock.ts';
import type { Store } from '../store/store.ts';
import type { AlertRules } from './domain/alerting/alert-rules.ts';
import type { Policy } from './domain/decision.ts';
import type { Monitor } from './domain/monitor.ts';
import type { NextOccurrence } from './domain/schedule.ts';
import type { EngineLogger } from './engine-logger.ts';

/** Bounds of the engine's work. */
export type EngineLimits = {
  /** Commands that may wait; past it they are refused. */
  queueMax: number;
  /** Commands in one transaction. */
  batchMax: number;
  /** Monitors looked at for silence in one transaction, at most; fewer when a turn takes longer than `dueTurnMs`. */
  dueMax: number;
  /** How long a turn of a mass outage should take: pings wait for so long. */
  dueTurnMs: number;
  monitorsMax: number;
  /** Closed incidents, and buried deliveries, kept in all. */
  historyMax: number;
};

export type EngineOptions = {
  store: Store;
  clock: Clock;
  policy: Policy;
  limits: EngineLimits;
  newId: () => string;
  nextOccurrence: NextOccurrence;
  logger: EngineLogger;
  /** Who hears of alerts, and when, as it is now. After a change of it `lookAgain` is to be called. */
  rules: () => AlertRules;
  /** Called after a commit that made deliveries. */
  onDeliveries: () => void;
  /** Hears what commits change. */
  changes: ChangeSink;
};

/** Whoever wants to know what commits change. Its methods must neither throw nor take long. */
export type ChangeSink = {
  /** Whether it wants to hear of every beat; of what is notable it hears always. */
  readonly wantsBeats: boolean;
  /** After a commit, in order. */
  publish(changes: readonly MonitorChange[]): void;
};

/** What a commit made of a monitor: its new state, or (`removed`) the last that it had. */
export type MonitorChange = {
  monitor: Monitor;
  removed: boolean;
  /** Those that it had before; none when it was made. */
  tagsBefore: readonly string[];
  /** More than a beat that moved its deadline (see `isNotable`): it flipped, was configured, paused, made or removed. */
  notable: boolean;
};

export type EngineHealth = {
  /** Why the store cannot write now; '' when it can. */
  storeError: string;
  /** Commands that wait. */
  queued: number;
  monitors: number;
  /** Monitors that await something. */
  armed: number;
  /** How long ago it last recorded that it was listening, ms; infinite before it has started. */
  unstampedMs: number;
};
