import type { BlindInterval, OpenIncident } from '../monitor.ts';

/** A channel that was told of an open alert. Times in Unix ms. */
export type ToldChannel = {
  channel: string;
  /** What it was told last: that the monitor is down, or that it flaps. */
  said: 'down' | 'flapping';
  atMs: number;
  /** When it was told last, reminders included. */
  lastMs: number;
  reminders: number;
};

/** Somebody cares for an incident. */
export type Acknowledgement = { atMs: number; by: string; note: string };

/** An alert that was raised and is not over. */
export type OpenAlert = {
  /** The incident that channels know it by: while a monitor flaps, the one that it began with. */
  incident: Pick<OpenIncident, 'id' | 'startedMs' | 'reason'>;
  /** When it was raised: steps count from then, Unix ms. */
  sinceMs: number;
  /** In the order in which they were told first. */
  told: readonly ToldChannel[];
  ack: Acknowledgement | null;
  /** As in `Notice`: what was so when it was raised. */
  blind: BlindInterval | null;
  heldBy: string;
  /** How often it went down before it became steady; 0: it did not flap. */
  flaps: number;
};

/** A monitor that goes up and down again and again. */
export type Flapping = {
  /** When it went down or up last, Unix ms. */
  flipMs: number;
  /** How often it went down since the first that counts. */
  flaps: number;
};

/** What is and was told about a monitor. While it flaps there is an open alert, also when it is up. */
export type AlertProgress = {
  open: OpenAlert | null;
  /** When it went down lately, Unix ms, oldest first: what flapping is told by. */
  downs: readonly number[];
  flapping: Flapping | null;
  /** When somebody is told next, or it has been steady for long enough, Unix ms; null: nothing is to come. */
  nextMs: number | null;
};
