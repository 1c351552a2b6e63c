import { type ChildProcess, fork } from 'node:child_process';
import type { LoadCommand, LoadPlan, LoadReport, LoadResult } from '../load/load-plan.ts';
import { within } from './within.ts';
import type { Workspace } from './workspace.ts';

const program = new URL('../load/load-main.ts', import.meta.url).pathname;
const graceMs = 30_000;

export type LoadListener = { onMeasuring?: () => void; onSecond?: (answers: number) => void };

/** The process that makes the load. It carries out one plan at a time. */
export class LoadGenerator {
  readonly #child: ChildProcess;

  constructor(workspace: Workspace) {
    this.#child = workspace.own(fork(program, { execArgv: [] }));
  }

  /** @throws Error when the plan brought no good answer, or errors. */
  async run(plan: LoadPlan, { onMeasuring, onSecond }: LoadListener = {}): Promise<LoadResult> {
    const done = new Promise<LoadResult>((resolve, reject) => {
      const ended = (): void => reject(new Error('the load generator ended'));
      const listen = (report: LoadReport): void => {
        if (report.kind === 'measuring') onMeasuring?.();
        else if (report.kind === 'second') onSecond?.(report.answers);
        else {
          this.#child.off('message', listen);
          this.#child.off('exit', ended);
          resolve(report.result);
        }
      };
      this.#child.on('message', listen);
      this.#child.once('exit', ended);
    });
    this.#send({ kind: 'run', plan });
    const waitMs = plan.measureFromMs === undefined ? plan.warmUpMs : plan.measureFromMs - Date.now();
    const result = await within(done, { ms: waitMs + plan.measureMs + graceMs, what: 'a run of the load generator' });
    if (result.errors > 0) throw new Error(`${plan.call}: ${result.errors} errors, the first: ${result.firstError}`);
    if (result.answers === 0) throw new Error(`${plan.call}: no answer within ${plan.measureMs} ms`);
    return result;
  }

  /** Ends the run that is under way. */
  stop(): void {
    this.#send({ kind: 'stop' });
  }

  close(): void {
    this.#child.kill('SIGKILL');
  }

  #send(command: LoadCommand): void {
    this.#child.send(command);
  }
}
