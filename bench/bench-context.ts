import type { SeededData } from './processes/seeded-data.ts';
import type { Workspace } from './processes/workspace.ts';
import type { Findings } from './report/bench-result.ts';
import type { Progress } from './report/progress.ts';

export type BenchOptions = {
  /** Length of one turn (of the soak: of the whole), s; absent: the benchmark's own. */
  seconds: number | undefined;
  /** Absent: the benchmark's own. */
  rounds: number | undefined;
  /** Where CPU profiles of the product go; absent: none are made. */
  profileDir: string | undefined;
};

/** What a benchmark works with. Processes and directories are taken away afterwards, whatever happens. */
export type BenchContext = {
  workspace: Workspace;
  data: SeededData;
  progress: Progress;
  seconds: number;
  rounds: number;
  profileDir: string | undefined;
};

export type Bench = {
  name: string;
  title: string;
  /** Whether it is part of a run without names. */
  byDefault: boolean;
  /** Length of a turn, s, and rounds, unless the command line says otherwise; null: it has none, and gets 0. */
  seconds: number | null;
  rounds: number | null;
  /** It is cut off after this time, s, plus ten times what its rounds should take. */
  setUpLimitS: number;
  run: (context: BenchContext) => Promise<Findings>;
};
