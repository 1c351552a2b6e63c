import { type ChildProcess, spawn } from 'node:child_process';
import { Readable } from 'node:stream';
import type { NotifierPorts } from '../channel-kind.ts';

/** How a program ended. `output`: what it wrote to standard output and error, the beginning. */
export type Ended =
  | { kind: 'exited'; code: number; output: string; isTruncated: boolean }
  | { kind: 'killed'; signal: string; output: string; isTruncated: boolean }
  | { kind: 'timed-out'; output: string; isTruncated: boolean }
  | { kind: 'aborted' }
  | { kind: 'not-started'; code: string };

export type Program = {
  path: string;
  arguments: readonly string[];
  /** All of it. */
  environment: Record<string, string>;
  folder: string;
  /** Read as the program does. */
  input: Iterable<string>;
};

export type RunOptions = {
  /** Real time, ms. */
  timeoutMs: number;
  signal: AbortSignal;
  killGroup: NotifierPorts['programs']['killGroup'];
  /** Of the output, bytes. The rest is read, so that the program does not wait, and dropped. */
  outputMax: number;
};

/**
 * Runs a program in a group of processes of its own. After the time limit, or when it is aborted, the whole group is killed.
 * What it leaves running in the background is not, but is waited for, up to the limit, while it holds the output open. Never
 * rejects.
 */
export async function runProgram(program: Program, options: RunOptions): Promise<Ended> {
  const { timeoutMs, signal, killGroup, outputMax } = options;
  if (signal.aborted) return { kind: 'aborted' };
  let child: ChildProcess;
  try {
    child = spawn(program.path, [...program.arguments], {
      cwd: program.folder,
      env: program.environment,
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  } catch (error) {
    return { kind: 'not-started', code: codeOf(error) };
  }
  const output = new Beginning(outputMax);
  const input = Readable.from(program.input, { objectMode: false, highWaterMark: 65_536 });
  // It need not read all, or any.
  child.stdin?.on('error', () => input.destroy());
  input.pipe(child.stdin!);
  child.stdout?.on('data', (chunk: Buffer) => output.add(chunk));
  child.stderr?.on('data', (chunk: Buffer) => output.add(chunk));

  const timeout = AbortSignal.timeout(timeoutMs);
  return new Promise((resolve) => {
    const end = (ended: Ended): void => {
      timeout.removeEventListener('abort', onTimeout);
      signal.removeEventListener('abort', onAbort);
      input.destroy();
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy();
      resolve(ended);
    };
    const kill = (): void => {
      // Once it has ended the number may be that of another.
      if (child.pid !== undefined && isRunning(child)) killGroup(child.pid);
    };
    const exit = (): Ended => {
      const { text, isTruncated } = output;
      if (child.exitCode !== null) return { kind: 'exited', code: child.exitCode, output: text, isTruncated };
      return { kind: 'killed', signal: child.signalCode ?? '', output: text, isTruncated };
    };
    const onAbort = (): void => {
      kill();
      end({ kind: 'aborted' });
    };
    const onTimeout = (): void => {
      const isOver = !isRunning(child);
      kill();
      end(isOver ? exit() : { kind: 'timed-out', output: output.text, isTruncated: output.isTruncated });
    };
    child.once('error', (error) => {
      if (child.pid === undefined) end({ kind: 'not-started', code: codeOf(error) });
    });
    child.once('close', () => {
      if (child.pid !== undefined) end(exit());
    });
    timeout.addEventListener('abort', onTimeout);
    signal.addEventListener('abort', onAbort);
  });
}

/** The first bytes of what is added. */
class Beginning {
  isTruncated = false;
  readonly #chunks: Buffer[] = [];
  #left: number;

  constructor(max: number) {
    this.#left = max;
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }

  add(chunk: Buffer): void {
    if (chunk.length > this.#left) this.isTruncated = true;
    if (this.#left === 0) return;
    const kept = chunk.subarray(0, this.#left);
    this.#chunks.push(kept);
    this.#left -= kept.length;
  }
}

function isRunning({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}

/** Of an error of Node, such as ENOENT; '' when it has none. */
function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{0,60}$/.test(code) ? code : '';
}
