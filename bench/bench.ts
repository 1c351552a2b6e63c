import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { benchList } from './bench-list.ts';
import { readBenchCommand } from './command-line.ts';
import { SeededData } from './processes/seeded-data.ts';
import { Workspace } from './processes/workspace.ts';
import type { BenchResult } from './report/bench-result.ts';
import { describeMachine } from './report/machine.ts';
import { Progress } from './report/progress.ts';
import { renderResults, renderSummary, withSummary } from './report/render-results.ts';
import { readResults, withResult, writeResults } from './report/results-file.ts';
import { measureTable, plainTable, subjectTable } from './report/tables.ts';
import { runBench } from './run-bench.ts';

// `npm run bench`: see README.md beside this file.

const pathOf = (name: string) => new URL(name, import.meta.url).pathname;
const resultsPath = pathOf('results.json');
const order = benchList.map(({ name }) => name);

const command = readBenchCommand(process.argv.slice(2), benchList);
if (command.list) {
  const width = Math.max(...order.map((name) => name.length));
  for (const { name, title, byDefault } of benchList)
    process.stdout.write(`${name.padEnd(width)}  ${title}${byDefault ? '' : ' (only by name)'}\n`);
} else if (command.render) {
  render();
} else {
  await runAll();
}

async function runAll(): Promise<void> {
  const workspace = new Workspace(command.dir);
  process.on('exit', () => workspace.dispose());
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));
  const machine = describeMachine(command.dir);
  const progress = new Progress({ stream: process.stderr });
  const data = new SeededData({ workspace, progress });
  for (const bench of command.benches) {
    progress.begin(bench.name);
    try {
      const result = await runBench({ bench, options: command, workspace, data, machine, progress });
      progress.clear();
      print(result);
      if (command.write) save(result);
    } catch (error) {
      progress.clear();
      process.stderr.write(`${bench.name}: ${error instanceof Error ? error.stack : error}\n`);
      process.exitCode = 1;
    }
    await workspace.endProcesses();
  }
  // Node would wait for what a benchmark that failed has left.
  process.exit();
}

function print({ name, title, subjects, measures, notes }: BenchResult): void {
  const tables = [
    ...(subjects.length > 0 ? [plainTable(subjectTable(subjects))] : []),
    ...(measures.length > 0 ? [plainTable(measureTable(measures))] : []),
  ];
  process.stdout.write(`\n${name}: ${title}\n\n${tables.join('\n')}${notes.map(({ text }) => `${text}\n`).join('')}`);
}

/** At once, so that a run which is broken off keeps what it has. */
function save(result: BenchResult): void {
  writeResults(resultsPath, withResult(readResults(resultsPath), { result, order }));
  render();
}

function render(): void {
  const results = readResults(resultsPath);
  const findingsOf = (name: string): string => {
    const path = pathOf(`findings/${name}.md`);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  };
  writeFileSync(pathOf('RESULTS.md'), renderResults(results, findingsOf));
  const readme = pathOf('../README.md');
  if (!existsSync(readme)) return;
  const text = readFileSync(readme, 'utf8');
  const quoted = withSummary(text, renderSummary(results));
  if (quoted !== text) writeFileSync(readme, quoted);
}
