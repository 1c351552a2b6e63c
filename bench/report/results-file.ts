import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { BenchResult } from './bench-result.ts';

/** The source of RESULTS.md: the newest result of each benchmark. */
export type Results = { benches: BenchResult[] };

const significantDigits = 5;

export function readResults(path: string): Results {
  if (!existsSync(path)) return { benches: [] };
  return JSON.parse(readFileSync(path, 'utf8')) as Results;
}

export function writeResults(path: string, results: Results): void {
  writeFileSync(path, `${JSON.stringify(results, rounded, 2)}\n`);
}

/** Puts `result` in the place of the older one; `order` is that of the benchmarks' names. */
export function withResult(results: Results, { result, order }: { result: BenchResult; order: string[] }): Results {
  const others = results.benches.filter(({ name }) => name !== result.name);
  const benches = [...others, result].sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  return { benches };
}

function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(significantDigits)) : value;
}
