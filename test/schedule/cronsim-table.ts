import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NextOccurrence } from '../../server/engine/domain/schedule.ts';

const minuteMs = 60_000;

/** One line of cronsim-table.tsv; scripts/cron-table.py says what is in it. */
export type TableRow = {
  zone: string;
  expression: string;
  years: { year: number; count: number; hash: string }[];
  /** By ISO time of the change: the occurrences around it, minutes from it. */
  changes: Map<string, string>;
};

export function readCronsimTable(): TableRow[] {
  const text = readFileSync(join(import.meta.dirname, 'cronsim-table.tsv'), 'utf8');
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => {
    const [zone = '', expression = '', years = '', changes = ''] = line.split('\t');
    return {
      zone,
      expression,
      years: years.split(' ').map((entry) => {
        const [year, count, hash = ''] = entry.split(':');
        return { year: Number(year), count: Number(count), hash };
      }),
      changes: new Map(changes.split(' ').flatMap((entry) => (entry ? [entry.split('=') as [string, string]] : []))),
    };
  });
}

/** Where `next` differs from the table, one line for each year; what differs around a change of the clock is shown. */
export function differences({ zone, expression, years, changes }: TableRow, next: NextOccurrence): string[] {
  const found: string[] = [];
  for (const { year, count, hash } of years) {
    const own = occurrencesOf(next, { zone, expression, year });
    const startMs = Date.UTC(year, 0, 1);
    const minutes = own.map((ms) => (ms - startMs) / minuteMs);
    if (createHash('sha256').update(minutes.join(',')).digest('hex').startsWith(hash)) continue;
    const near = [...changes].filter(([at]) => at.startsWith(`${year}-`));
    const shown = near.flatMap(([at, theirs]) => {
      const changeMs = Date.parse(at);
      const ours = own.map((ms) => (ms - changeMs) / minuteMs).filter((minute) => minute >= -120 && minute <= 180);
      return ours.join(',') === theirs ? [] : [`${at} ${theirs} but ours ${ours.join(',')}`];
    });
    found.push(`${zone} ${expression} ${year}: ${count}, ours ${own.length}; ${shown.join('; ')}`);
  }
  return found;
}

/** All occurrences in a year (in UTC). */
function occurrencesOf(next: NextOccurrence, options: { zone: string; expression: string; year: number }): number[] {
  const cron = { expression: options.expression, timeZone: options.zone };
  const endMs = Date.UTC(options.year + 1, 0, 1);
  const found: number[] = [];
  for (let ms = next(cron, Date.UTC(options.year, 0, 1) - 1); ms !== null && ms < endMs; ms = next(cron, ms)) {
    found.push(ms);
  }
  return found;
}
