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
  readonly #ended: Promise<never>;

  private constructor(child: ChildProcess, told: { port: number; startMs: number; ended: Promise<never> }) {
    this.#child = child;
    this.port = told.port;
    this.startMs = told.startMs;
    this.#ended = told.ended;
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
    const ended = endOf(child, program);
    const listening = Promise.race([listeningUrl(child), ended]);
    const url = await within(listening, { ms: startLimitMs, what: `the start of ${program}` });
    const startMs = performance.now() - begunMs;
    return new MeasuredProcess(child, { port: Number(new URL(url).port), startMs, ended });
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** @throws Error when the process has ended, with the last of what it said. */
  async read(): Promise<ProbeReading> {
    const reading = once(this.#child, 'message') as Promise<[ProbeReading]>;
    // The end of the process is what to tell, not that it could not be asked.
    this.#child.send('read', () => {});
    const read = Promise.race([reading, this.#ended]);
    return (await within(read, { ms: readingLimitMs, what: 'a reading of the server' }))[0];
  }

  /** Sends a signal and waits for the end. */
  async stop(signal: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill(signal);
    await within(ended, { ms: stopLimitMs, what: `the end after ${signal}` });
  }
}

function listeningUrl(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    // Read to the end of its life: a full pipe would stop the server.
    createInterface(child.stdout!).on('line', (line) => {
      if (!line.includes('"listening"')) return;
      resolve((JSON.parse(line) as { url: string }).url);
    });
  });
}

/** Rejects when the process ends, by itself or because it was told to. */
function endOf(child: ChildProcess, program: string): Promise<never> {
  let errors = '';
  child.stderr!.on('data', (chunk) => {
    errors = (errors + chunk).slice(-errorCharsMax);
  });
  const ended = new Promise<never>((_, reject) => {
    child.once('error', reject);
    // 'close' rather than 'exit': by then all that it said has come.
    child.once('close', (code, signal) => reject(new Error(`${program} ended with ${code ?? signal}: ${errors}`)));
  });
  ended.catch(() => {});
  return ended;
}
