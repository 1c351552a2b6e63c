import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { untraced } from './untraced.ts';

const main = new URL('../../server/main.ts', import.meta.url).pathname;

type LogLine = { msg: string; url?: string; [key: string]: unknown };

/** The real server in a process of its own. */
export class RunningServer {
  readonly url: string;
  readonly log: LogLine[];
  readonly #child: ChildProcess;
  readonly #exited: Promise<[number | null, NodeJS.Signals | null]>;

  private constructor(child: ChildProcess, url: string, log: LogLine[]) {
    this.#child = child;
    this.url = url;
    this.log = log;
    this.#exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Starts it on a free port (unless `env.PORT` says otherwise) and waits until it listens. */
  static async start(env: Record<string, string>, args: string[] = []): Promise<RunningServer> {
    const child = spawnServer(env, args);
    const log: LogLine[] = [];
    let errors = '';
    child.stderr!.on('data', (chunk) => {
      errors += chunk;
    });
    const url = await new Promise<string>((resolve, reject) => {
      createInterface(child.stdout!).on('line', (text) => {
        const line = JSON.parse(text) as LogLine;
        log.push(line);
        if (line.msg === 'listening') resolve(line.url!);
      });
      child.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${errors}`)));
    });
    return new RunningServer(child, url, log);
  }

  /** Sends a signal and waits for the end. */
  async kill(signal: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    this.#child.kill(signal);
    const [code, ended] = await this.#exited;
    return { code, signal: ended };
  }

  /** Sends a signal without waiting, as SIGSTOP. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

/** Runs the server's main with `args` until it ends by itself. */
export async function runMain(env: Record<string, string>, args: string[] = []) {
  const child = spawnServer(env, args);
  let stdout = '';
  let stderr = '';
  child.stdout!.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr!.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

/** A new empty directory, removed at the end of the test. */
export async function temporaryDirectory(t: { teardown(run: () => unknown): void }): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tocsin-test-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

function spawnServer(env: Record<string, string>, args: string[]): ChildProcess {
  const [command, untracedArgs] = untraced(process.execPath, [main, ...args]);
  return spawn(command, untracedArgs, {
    // Only what is given: the tester's own TOCSIN_* must not leak in.
    env: { PATH: process.env.PATH, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
