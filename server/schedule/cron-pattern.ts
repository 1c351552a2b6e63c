import { type CronField, cronFields, sizeOfField, valueInField, valuesOfTerm } from './cron-field.ts';
import { nextLocalMinute } from './next-local-minute.ts';

/** What a cron expression matches. All lists ascend and have no value twice. */
export type CronPattern = {
  /** 0 to 59. */
  minutes: readonly number[];
  /** 0 to 23. */
  hours: readonly number[];
  /** 1 to 31. */
  daysOfMonth: readonly number[];
  /** `L`: the last day of the month. */
  lastDay: boolean;
  /** `LW`: the last day of the month from Monday to Friday. */
  lastWeekday: boolean;
  /** 1 to 12. */
  months: readonly number[];
  /** 0 (Sunday) to 6. */
  daysOfWeek: readonly number[];
  /** `FRI#2` (nth 1 to 5) and `FRIL` (nth 'last'): one such day of the month. */
  nthDaysOfWeek: readonly { dayOfWeek: number; nth: number | 'last' }[];
  /** Both day fields must match, since one of them begins with `*`; otherwise one of them is enough. */
  bothDays: boolean;
  /** Neither minute nor hour begins with `*`: a job for certain times of day, which a change of the clock moves. */
  fixedTime: boolean;
};

export type ParsedCron = { ok: true; pattern: CronPattern } | { ok: false; problem: string };

/** The longest cron expression, characters. */
export const maxExpressionLength = 256;

/**
 * Reads a cron expression: five fields between spaces or tabs (minute, hour, day of month, month, day of week) with
 * numbers, names, lists, ranges and steps, `L` and `LW` as day of month, `FRI#2` and `FRIL` as day of week; or one of
 * `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`, `@yearly`, `@annually`. Case does not matter. What never
 * occurs (30 February) is a problem.
 *
 * `problem` reads on after the name of the field: "must be five fields …".
 */
export function parseCron(expression: string): ParsedCron {
  const refused = (problem: string): ParsedCron => ({ ok: false, problem });
  if (expression.length > maxExpressionLength) return refused(`must be at most ${maxExpressionLength} bytes`);
  const text = expression.replace(/^[ \t]+|[ \t]+$/g, '');
  const parts = (aliases.get(text.toLowerCase()) ?? text).split(/[ \t]+/);
  if (parts.length !== 5) return refused(`${wholeForm}${hintFor(text, parts.length)}`);
  const [minute = '', hour = '', dayOfMonth = '', month = '', dayOfWeek = ''] = parts;
  const minutes = readTerms(minute, cronFields.minute);
  const hours = readTerms(hour, cronFields.hour);
  const days = readTerms(dayOfMonth, cronFields.dayOfMonth, isLastDay);
  const months = readTerms(month, cronFields.month);
  const weekdays = readTerms(dayOfWeek, cronFields.dayOfWeek, (term) => nthDayOf(term) !== null);
  for (const read of [minutes, hours, days, months, weekdays]) {
    if (read.problem !== null) return refused(read.problem);
  }
  const specialDays = days.special.map((term) => term.toUpperCase());
  const pattern: CronPattern = {
    minutes: ascending(minutes.values),
    hours: ascending(hours.values),
    daysOfMonth: ascending(days.values),
    lastDay: specialDays.includes('L'),
    lastWeekday: specialDays.includes('LW'),
    months: ascending(months.values),
    daysOfWeek: ascending(weekdays.values.map((day) => day % 7)),
    nthDaysOfWeek: weekdays.special.map((term) => nthDayOf(term)!),
    bothDays: dayOfMonth.startsWith('*') || dayOfWeek.startsWith('*'),
    fixedTime: !minute.startsWith('*') && !hour.startsWith('*'),
  };
  if (nextLocalMinute(pattern, 0) === null) return refused('must name a day that exists; this one is in no year');
  return { ok: true, pattern };
}

const aliases = new Map([
  ['@hourly', '0 * * * *'],
  ['@daily', '0 0 * * *'],
  ['@midnight', '0 0 * * *'],
  ['@weekly', '0 0 * * 0'],
  ['@monthly', '0 0 1 * *'],
  ['@yearly', '0 0 1 1 *'],
  ['@annually', '0 0 1 1 *'],
]);

const wholeForm =
  'must be five fields (minute, hour, day of month, month, day of week) such as "30 2 * * MON-FRI", or one of ' +
  '@hourly, @daily, @weekly, @monthly, @yearly';

function hintFor(text: string, count: number): string {
  if (/^@reboot$/i.test(text)) return '; @reboot has no time at which it is due';
  if (count === 6 || count === 7) return '; there is no field for seconds or years';
  return '';
}

type ReadField = { values: number[]; special: string[]; problem: string | null };

/** Reads the list of a field. Terms that `isSpecial` are handed back as they are. */
function readTerms(text: string, field: CronField, isSpecial: (term: string) => boolean = () => false): ReadField {
  const values: number[] = [];
  const special: string[] = [];
  for (const term of text.split(',')) {
    const found = valuesOfTerm(term, field);
    if (found !== null) values.push(...found);
    else if (isSpecial(term)) special.push(term);
    else return { values, special, problem: fieldProblem(term, field) };
  }
  return { values, special, problem: null };
}

function fieldProblem(term: string, field: CronField): string {
  const { name, min, max, names } = field;
  const named = names ? ` or ${names[0]} to ${names.at(-1)}` : '';
  const shown = JSON.stringify(term.length > 32 ? `${term.slice(0, 32)}…` : term);
  const extra = { [cronFields.dayOfMonth.name]: ', L or LW', [cronFields.dayOfWeek.name]: ', FRI#2 or FRIL' };
  return (
    `must have as its ${name} numbers from ${min} to ${max}${named}, ranges from small to large, *, steps from 1 to ` +
    `${sizeOfField(field)} (*/2), lists of these${extra[name] ?? ''}; ${shown} is none of them`
  );
}

function isLastDay(term: string): boolean {
  return /^LW?$/i.test(term);
}

function nthDayOf(term: string): { dayOfWeek: number; nth: number | 'last' } | null {
  const [, dayText = '', nthText] = /^([0-9]|[A-Z]{3})(?:#([1-5])|L)$/i.exec(term) ?? [];
  const day = valueInField(dayText, cronFields.dayOfWeek);
  return day === null ? null : { dayOfWeek: day % 7, nth: nthText === undefined ? 'last' : Number(nthText) };
}

function ascending(values: readonly number[]): number[] {
  return [...new Set(values)].sort((a, b) => a - b);
}
