import { MeasuredProcess } from './measured-process.ts';
import type { Workspace } from './workspace.ts';

export type ProductOptions = {
  workspace: Workspace;
  /** Where its state is; given again after a stop, it is a restart. */
  dataDir: string;
  /** Settings besides those that every benchmark has. */
  env?: Record<string, string>;
  /** A directory for a CPU profile (`node --cpu-prof`), written when the server is stopped by SIGTERM. */
  profileDir: string | undefined;
};

/** More than any benchmark makes. */
const monitorsMax = 2_000_000;

/** Starts the real server on a free port, with its data on disk and everything else at its defaults. */
export function startProduct({ workspace, dataDir, env, profileDir }: ProductOptions): Promise<MeasuredProcess> {
  return MeasuredProcess.start({
    workspace,
    program: 'server/main.ts',
    nodeArgs: profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDir}`],
    env: { PORT: '0', TOCSIN_DATA_DIR: dataDir, TOCSIN_MAX_MONITORS: String(monitorsMax), ...env },
  });
}
