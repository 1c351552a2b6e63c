import type { PageStatus } from './page-view.ts';

/** All that the page of one monitor shows. Times are Unix ms; null: there is none. */
export type MonitorView = {
  nowMs: number;
  name: string;
  status: PageStatus;
  description: string;
  tags: readonly string[];
  /** What it is set to and when it is awaited, as label and value. */
  facts: readonly ViewFact[];
  /** Why it is as it is, in a sentence; '' when there is nothing to say. */
  remark: string;
  /** Of a monitor that is down; else null. */
  alert: ViewAlert | null;
  uptimes: readonly {
    days: number /** Up of up and down, 0 to 1; null when it was neither. */;
    ratio: number | null;
  }[];
  /** Oldest first, one for each day that is shown, today last. */
  days: readonly ViewDay[];
  runs: readonly { id: string; startedMs: number; limitMs: number | null }[];
  /** Newest first. */
  incidents: readonly ViewIncident[];
  /** Newest first. */
  beats: readonly ViewBeat[];
};

/** What was told of a monitor that is down, and what will be. */
export type ViewAlert = {
  /** How it stands with it, as a sentence. */
  state: string;
  /** In order. `pending`: it still waits to be delivered. */
  told: readonly { channel: string; atMs: number; reminders: number; pending: boolean }[];
  /** When somebody is told next. */
  nextMs: number | null;
  acknowledged: { atMs: number; by: string; note: string } | null;
};

/** A value is a moment, or a text. */
export type ViewFact = { label: string; value: { atMs: number } | { text: string } };

/** How a day (UTC) was spent, ms. */
export type ViewDay = {
  /** Such as "2026-11-21". */
  date: string;
  upMs: number;
  downMs: number;
  unknownMs: number;
  beats: number;
  failures: number;
};

export type ViewIncident = { startedMs: number; endedMs: number | null; cause: string; heldBy: string };

export type ViewBeat = {
  atMs: number;
  status: string;
  durationMs: number | null;
  exitCode: number | null;
  run: string;
  message: string;
  /** What the client sent with it, as text; '' when there is nothing more than the message. */
  body: string;
  address: string;
  userAgent: string;
};
