import type { Beat, Monitor } from './monitor.ts';
import { type OpenRun, type Progress, progressOf, runsMax } from './progress.ts';

/** A run begins at `atMs` (Unix ms), and has failed by that if `failed`. One of the same id that is open begins anew. */
export function beginRun({ progress, config }: Monitor, id: string, atMs: number, failed: boolean): Progress {
  const limitMs = config.maxRunMs === null ? null : atMs + config.maxRunMs;
  const run: OpenRun = { id, startedMs: atMs, limitMs, blind: null };
  const others = progress.runs.filter((run) => run.id !== id).slice(-(runsMax - 1));
  return progressOf(progress, { runs: [...others, { ...run, ...(failed && { failed }) }] });
}

/**
 * The runs that a beat ends, and those that stay open. A beat with a run id ends the run of this id alone: a mismatched one
 * ends none. A beat without ends the run that began without, or else all of them.
 */
export function endRuns(runs: readonly OpenRun[], id: string): { ended: readonly OpenRun[]; open: readonly OpenRun[] } {
  if (runs.length === 0) return { ended: runs, open: runs };
  const isNamed = id !== '' || runs.some((run) => run.id === '');
  if (!isNamed) return { ended: runs, open: [] };
  return { ended: runs.filter((run) => run.id === id), open: runs.filter((run) => run.id !== id) };
}

/** The run lives: its limit counts from `atMs`. Without an id all open runs do. */
export function extendRuns({ progress, config }: Monitor, id: string, atMs: number): Progress {
  const { maxRunMs } = config;
  if (maxRunMs === null || progress.runs.length === 0) return progress;
  const runs = progress.runs.map((run) =>
    id === '' || run.id === id ? { ...run, limitMs: Math.max(run.limitMs ?? 0, atMs + maxRunMs), blind: null } : run,
  );
  return progressOf(progress, { runs });
}

/** How long what a beat ends has taken, ms: what the client says, or since the start. Null when neither is known. */
export function runDurationMs(beat: Pick<Beat, 'durationMs'>, ended: readonly OpenRun[], atMs: number): number | null {
  if (beat.durationMs !== null) return beat.durationMs;
  return ended.length === 1 ? Math.max(0, atMs - ended[0]!.startedMs) : null;
}
