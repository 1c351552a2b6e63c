import { constants } from 'node:fs';
import { cp } from 'node:fs/promises';
import type { Progress } from '../report/progress.ts';
import { startProduct } from './product.ts';
import { seedMonitors } from './seed-monitors.ts';
import type { Workspace } from './workspace.ts';

/** Data directories with so many monitors: made once a run by a server of their own, then copied. */
export class SeededData {
  readonly #workspace: Workspace;
  readonly #progress: Progress;
  readonly #originals = new Map<number, Promise<string>>();

  constructor({ workspace, progress }: { workspace: Workspace; progress: Progress }) {
    this.#workspace = workspace;
    this.#progress = progress;
  }

  /** A data directory of its own with the monitors 0 to `count` - 1, none of them due for weeks. */
  async copy(count: number): Promise<string> {
    let original = this.#originals.get(count);
    if (!original) {
      original = this.#make(count);
      this.#originals.set(count, original);
      // The next benchmark tries again.
      original.catch(() => this.#originals.delete(count));
    }
    const path = this.#workspace.newDirectory('data');
    await cp(await original, path, { recursive: true, mode: constants.COPYFILE_FICLONE });
    return path;
  }

  async #make(count: number): Promise<string> {
    const dataDir = this.#workspace.newDirectory('seed');
    const server = await startProduct({ workspace: this.#workspace, dataDir, profileDir: undefined });
    await seedMonitors({
      url: server.url,
      names: { from: 0, count },
      onProgress: (done) => this.#progress.show(`seeding ${count} monitors: ${Math.floor((done / count) * 100)} %`),
    });
    await server.stop('SIGTERM');
    return dataDir;
  }
}
