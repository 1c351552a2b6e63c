import type { BenchResult } from './bench-result.ts';
import type { Machine } from './machine.ts';
import type { Results } from './results-file.ts';
import { markdownTable, measureTable, subjectTable, summaryTable } from './tables.ts';

const labels: Record<keyof Machine, string> = {
  cores: 'cores',
  cpu: 'CPU',
  memoryGb: 'memory, GB',
  system: 'system',
  dataOn: 'data on',
  node: 'Node',
  sqlite: 'SQLite',
  fastify: 'Fastify',
  connect: '@connectrpc/connect',
  connectFastify: '@connectrpc/connect-fastify',
  grpcJs: '@grpc/grpc-js',
  tocsin: 'Tocsin',
};

/**
 * RESULTS.md.
 *
 * @param findingsOf prose about a benchmark (what was tried, what bounds it), as Markdown; '' when there is none.
 */
export function renderResults({ benches }: Results, findingsOf: (name: string) => string): string {
  const newest = benches.toSorted((a, b) => b.ranAt.localeCompare(a.ranAt))[0];
  if (!newest) return '# Benchmark results\n\nNone yet: `npm run bench`.\n';
  return [
    '# Benchmark results\n',
    '`npm run bench` wrote this file from `results.json` and `findings/`; no figure is typed in by hand. What counts are the ratios,',
    'each measured in alternation within one run: median of the rounds, then the extremes. [README.md](README.md) says how.\n',
    '## Targets\n',
    markdownTable(summaryTable(benches)),
    '## Machine and versions\n',
    markdownTable([['', ''], ...machineRows(newest.machine)]),
    ...benches.map((result) => section({ result, newest, findings: findingsOf(result.name) })),
  ].join('\n');
}

/** The summary alone, for the README. */
export function renderSummary({ benches }: Results): string {
  return markdownTable(summaryTable(benches));
}

/** Puts the summary between `<!-- bench -->` and `<!-- /bench -->`; a text without them stays as it is. */
export function withSummary(text: string, summary: string): string {
  return text.replace(
    /(<!-- bench -->\n)[\s\S]*?(\n?<!-- \/bench -->)/,
    (_, begin, end) => `${begin}\n${summary}${end}`,
  );
}

function section({ result, newest, findings }: { result: BenchResult; newest: BenchResult; findings: string }): string {
  const { name, title, subjects, measures, notes } = result;
  const parts = [`## ${name}: ${title}\n`, `${runLine(result, newest)}\n`];
  if (subjects.length > 0) parts.push(markdownTable(subjectTable(subjects)));
  if (measures.length > 0) parts.push(markdownTable(measureTable(measures)));
  parts.push(...notes.map(({ text }) => `${text}\n`));
  if (findings !== '') parts.push(`${findings.trim()}\n`);
  return parts.join('\n');
}

/** When and how it ran, and whatever differs from the newest run. */
function runLine({ ranAt, tookS, settings, machine }: BenchResult, newest: BenchResult): string {
  const when = `Run at ${ranAt.slice(0, 16).replace('T', ' ')} UTC in ${Math.round(tookS)} s`;
  const how = Object.entries(settings).map(([key, value]) => `${key} ${value}`);
  const expected = new Map(machineRows(newest.machine).map(([label, value]) => [label, value]));
  const differing = machineRows(machine).filter(([label, value]) => expected.get(label) !== value);
  return `${[when, ...how, ...differing.map((row) => row.join(' '))].join('; ')}.`;
}

function machineRows(machine: Machine): [string, string][] {
  return (Object.keys(labels) as (keyof Machine)[]).map((key) => [labels[key], String(machine[key] ?? '')]);
}
