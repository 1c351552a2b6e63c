import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { ReceivedAlerts } from './alert-receiver-main.ts';
import type { Workspace } from './workspace.ts';

const program = new URL('alert-receiver-main.ts', import.meta.url).pathname;

/** A webhook receiver in a process of its own. */
export class AlertReceiver {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.url = `http://127.0.0.1:${port}/alerts`;
  }

  static async start(workspace: Workspace): Promise<AlertReceiver> {
    const child = workspace.own(fork(program, { execArgv: [] }));
    const [{ port }] = (await once(child, 'message')) as [{ port: number }];
    return new AlertReceiver(child, port);
  }

  /** How many alerts came in all, and those that came since the last call. */
  async take(): Promise<ReceivedAlerts> {
    const answer = once(this.#child, 'message') as Promise<[ReceivedAlerts]>;
    this.#child.send('take');
    return (await answer)[0];
  }

  close(): void {
    this.#child.kill('SIGKILL');
  }
}
