import type { Spread } from '../measure/spread.ts';
import type { Machine } from './machine.ts';

/** What is measured in, for people; `x` is a ratio. */
export type Unit = 'x' | 'ms' | 's' | 'MB' | 'bytes' | 'ns' | '1/s' | '';

/** One figure, and what it must reach. */
export type Measure = {
  what: string;
  unit: Unit;
  value: Spread;
  /** Absent: for information. */
  target?: { atLeast: number } | { atMost: number };
};

/** What one server did under one kind of load. */
export type SubjectRow = {
  subject: string;
  /** Answers per second. */
  ratePerS: Spread;
  /** CPU time of the server process (all its threads) per answer, µs. */
  cpuUs: Spread;
  p50Ms: Spread;
  p99Ms: Spread;
  /** Share of one core that the server and the load generator used. */
  serverBusy: number;
  loadBusy: number;
};

/** What a benchmark found. */
export type Findings = {
  subjects: SubjectRow[];
  measures: Measure[];
  /** What the reader must know to judge the figures. */
  notes: string[];
};

/** The findings with all that is needed to read them later; one entry of results.json. */
export type BenchResult = {
  name: string;
  title: string;
  /** ISO 8601. */
  ranAt: string;
  tookS: number;
  /** Such as rounds and the length of a turn, as they were in this run. */
  settings: Record<string, string | number>;
  machine: Machine;
  subjects: SubjectRow[];
  measures: Measure[];
  /** Objects, so that the file reads the same after formatting. */
  notes: { text: string }[];
};

/** Null when there is no target. */
export function isMet({ value, target }: Measure): boolean | null {
  if (target === undefined) return null;
  return 'atLeast' in target ? value.median >= target.atLeast : value.median <= target.atMost;
}
