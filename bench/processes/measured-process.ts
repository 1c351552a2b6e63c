import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { ProbeReading } from './probe.ts';
import { within } from './within.ts';
import type { Workspace } from './workspace.ts';

const probe = new URL('probe.ts', import.meta.url).pathname;
const readingLimitMs = 30_000;
const stopLimitMs = 30_000;
const errorCharsMax = 4_000;

export type MeasuredProcessOptions = {
  workspace: Workspace;
  /** Path of the program relative to this folder's parent's parent, such as "server/main.ts". */
  program: string;
  args?: readonly string[];
  /** Settings; of the environment of this process only PATH is handed on. */
  env?: Record<string, string>;
  nodeArgs?: readonly string[];
  /** Longest time until it listens, ms. Default 60,000. */
  startLimitMs?: number;
};

/** A server in a process of its own, with the probe in it. It says on stdout, as a line of JSON, where it listens. */
export class MeasuredProcess {
  readonly port: number;
  /** From the spawn to the line that says "listening", ms. */
  readonly startMs: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, { port, startMs }: { port: number; startMs: number }) {
    this.#child = child;
    this.port = port;
    this.startMs = startMs;
  }

  static async start(options: MeasuredProcessOptions): Promise<MeasuredProcess> {
    const { workspace, program, args = [], env = {}, nodeArgs = [], startLimitMs = 60_000 } = options;
    const path = new URL(`../../${program}`, import.meta.url).pathname;
    const begunMs = performance.now();
    const child = workspace.own(
      spawn(process.execPath, [...nodeArgs, '--import', probe, path, ...args], {
        env: { PATH: process.env.PATH, ...env },
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      }),
    );
    const url = await within(listening(child, program), { ms: startLimitMs, what: `the start of ${program}` });
    return new MeasuredProcess(child, { port: Number(new URL(url).port), startMs: performance.now() - begunMs });
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async read(): Promise<ProbeReading> {
    const reading = once(this.#child, 'message') as Promise<[ProbeReading]>;
    this.#child.send('read');
    return (await within(reading, { ms: readingLimitMs, what: 'a reading of the server' }))[0];
  }

  /** Sends a signal and waits for the end. */
  async stop(signal: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill(signal);
    await within(ended, { ms: stopLimitMs, what: `the end after ${signal}` });
  }
}

async function listening(child: ChildProcess, program: string): Promise<string> {
  let errors = '';
  child.stderr!.on('data', (chunk) => {
    errors = (errors + chunk).slice(-errorCharsMax);
  });
  return new Promise<string>((resolve, reject) => {
    // Read to the end of its life: a full pipe would stop the server.
    createInterface(child.stdout!).on('line', (line) => {
      if (!line.includes('"listening"')) return;
      resolve((JSON.parse(line) as { url: string }).url);
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(new Error(`${program} ended with ${code ?? signal}: ${errors}`)));
  });
}
