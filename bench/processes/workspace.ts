import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Until a process that was asked to end is killed. */
const patienceMs = 10_000;

/** Everything that a run leaves on the machine: a temporary directory and processes. `dispose` takes it all away. */
export class Workspace {
  readonly root: string;
  readonly #children = new Set<ChildProcess>();
  #directories = 0;
  #disposed = false;

  /** @param parent an existing directory, on the disk that is to be measured. */
  constructor(parent: string) {
    this.root = mkdtempSync(join(parent, 'tocsin-bench-'));
  }

  /** A path for a new directory; whoever uses it creates it. */
  newDirectory(label: string): string {
    this.#directories += 1;
    return join(this.root, `${label}-${this.#directories}`);
  }

  /** Has the process killed with the rest, unless it ends before. */
  own<Child extends ChildProcess>(child: Child): Child {
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    if (this.#disposed) child.kill('SIGKILL');
    return child;
  }

  /** Ends what still runs, and waits until it has ended. The product writes its profile then. */
  async endProcesses(): Promise<void> {
    const children = [...this.#children];
    const ends = children.map((child) => once(child, 'exit'));
    for (const child of children) child.kill('SIGTERM');
    const impatient = setTimeout(() => {
      for (const child of children) child.kill('SIGKILL');
    }, patienceMs);
    await Promise.all(ends);
    clearTimeout(impatient);
  }

  /** All at once, as for the end of this process. */
  dispose(): void {
    this.#disposed = true;
    for (const child of this.#children) child.kill('SIGKILL');
    rmSync(this.root, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
}
