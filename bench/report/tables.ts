import { type BenchResult, isMet, type Measure, type SubjectRow } from './bench-result.ts';
import { numberText, spreadText, targetText } from './number-text.ts';

/** Rows of cells; the first row is the head. */
export type Table = string[][];

export function subjectTable(rows: readonly SubjectRow[]): Table {
  const head = ['server', 'answers/s', 'server CPU, µs each', 'p50 ms', 'p99 ms', 'server busy', 'load busy'];
  const body = rows.map((row) => [
    row.subject,
    spreadText(row.ratePerS),
    spreadText(row.cpuUs),
    spreadText(row.p50Ms),
    spreadText(row.p99Ms),
    percent(row.serverBusy),
    percent(row.loadBusy),
  ]);
  return [head, ...body];
}

export function measureTable(measures: readonly Measure[]): Table {
  const body = measures.map((measure) => [
    measure.what,
    targetText(measure),
    spreadText(measure.value, measure.unit),
    metText(measure),
  ]);
  return [['measure', 'target', 'measured', 'met'], ...body];
}

/** Every target of every benchmark. */
export function summaryTable(results: readonly BenchResult[]): Table {
  const body = results.flatMap(({ name, ranAt, measures }) =>
    measures
      .filter(({ target }) => target !== undefined)
      .map((measure) => [
        name,
        measure.what,
        targetText(measure),
        spreadText(measure.value, measure.unit),
        metText(measure),
        ranAt.slice(0, 10),
      ]),
  );
  return [['benchmark', 'measure', 'target', 'measured', 'met', 'date'], ...body];
}

/** With aligned columns, for a terminal. */
export function plainTable(table: Table): string {
  return aligned(table)
    .map((cells) => `${cells.join('  ').trimEnd()}\n`)
    .join('');
}

/** Aligned too, since that is how Biome wants Markdown. */
export function markdownTable(table: Table): string {
  const escaped = table.map((row) => row.map((cell) => cell.replaceAll('|', '\\|')));
  const [head, ...body] = aligned(escaped);
  const rule = head!.map((cell) => '-'.repeat(cell.length));
  return [head!, rule, ...body].map((cells) => `| ${cells.join(' | ')} |\n`).join('');
}

/** Pads the cells of each column to one width, at least that of the shortest rule. */
function aligned(table: Table): Table {
  const widths = table[0]!.map((_, column) => Math.max(3, ...table.map((row) => row[column]!.length)));
  return table.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)));
}

function metText(measure: Measure): string {
  const met = isMet(measure);
  return met === null ? '' : met ? 'yes' : 'no';
}

function percent(share: number): string {
  return `${numberText(Math.round(share * 100))} %`;
}
