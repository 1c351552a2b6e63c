import type { Bench, BenchOptions } from './bench-context.ts';
import type { SeededData } from './processes/seeded-data.ts';
import { within } from './processes/within.ts';
import type { Workspace } from './processes/workspace.ts';
import type { BenchResult } from './report/bench-result.ts';
import type { Machine } from './report/machine.ts';
import type { Progress } from './report/progress.ts';

/** Subjects of one benchmark at most, with room for the practice round: bounds the time that it may take. */
const turnsPerRoundMax = 10;

export type RunBenchOptions = {
  bench: Bench;
  options: BenchOptions;
  workspace: Workspace;
  data: SeededData;
  machine: Machine;
  progress: Progress;
};

/** Runs one benchmark, bounded in time. @throws Error when it cannot be completed. */
export async function runBench(setup: RunBenchOptions): Promise<BenchResult> {
  const { bench, options, workspace, data, machine, progress } = setup;
  const seconds = bench.seconds === null ? 0 : (options.seconds ?? bench.seconds);
  const rounds = bench.rounds === null ? 0 : (options.rounds ?? bench.rounds);
  const begunMs = performance.now();
  const { profileDir } = options;
  const limitS = bench.setUpLimitS + turnsPerRoundMax * (rounds + 1) * (seconds + 1);
  const findings = await within(bench.run({ workspace, data, progress, seconds, rounds, profileDir }), {
    ms: limitS * 1000,
    what: bench.name,
  });
  return {
    name: bench.name,
    title: bench.title,
    ranAt: new Date().toISOString(),
    tookS: (performance.now() - begunMs) / 1000,
    settings: { ...(rounds > 0 ? { rounds } : {}), ...(seconds > 0 ? { seconds } : {}) },
    machine,
    subjects: findings.subjects,
    measures: findings.measures,
    notes: findings.notes.map((text) => ({ text })),
  };
}
