import { statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import type { Bench } from './bench-context.ts';

export type BenchCommand = {
  benches: Bench[];
  list: boolean;
  seconds: number | undefined;
  rounds: number | undefined;
  dir: string;
  profileDir: string | undefined;
  write: boolean;
  render: boolean;
};

/** Ends the process on --help and on what it does not understand. */
export function readBenchCommand(args: readonly string[], benches: readonly Bench[]): BenchCommand {
  const command = new Command('npm run bench --')
    .description(
      'Measures Tocsin against its peers on this machine and writes bench/RESULTS.md and the summary in README.md.',
    )
    .argument('[name...]', 'benchmarks to run; none: all but those that are only run by name')
    .option('--list', 'list the benchmarks')
    .option('--seconds <n>', 'length of a turn, of the soak as a whole; each has its own default', positive)
    .option('--rounds <n>', 'rounds that count; each has its own default', whole)
    .option('--dir <path>', 'where the data directories are made: the disk that is measured', directory, tmpdir())
    .option('--profile <path>', 'write CPU profiles of the product into this directory', directory)
    .option('--no-write', 'only print: leave results.json, RESULTS.md and README.md as they are')
    .option('--render', 'run nothing, render RESULTS.md and the summary in README.md anew from results.json');
  command.parse(args, { from: 'user' });
  const { list, seconds, rounds, dir, profile, write, render } = command.opts();
  const unknown = command.args.find((name) => !benches.some((bench) => bench.name === name));
  if (unknown !== undefined) command.error(`there is no benchmark "${unknown}"; --list shows them`);
  const chosen = benches.filter(({ name, byDefault }) =>
    command.args.length > 0 ? command.args.includes(name) : byDefault,
  );
  return {
    benches: chosen,
    list: list === true,
    seconds,
    rounds,
    dir,
    profileDir: profile,
    write,
    render: render === true,
  };
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 86_400)) throw new InvalidArgumentError('a number of seconds up to 86,400');
  return value;
}

function whole(text: string): number {
  const value = Number(text);
  if (!(Number.isInteger(value) && value >= 1 && value <= 100)) throw new InvalidArgumentError('from 1 to 100');
  return value;
}

function directory(path: string): string {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw new InvalidArgumentError('no such directory');
  return path;
}
