/** One of the five fields of a cron expression. */
export type CronField = {
  name: string;
  min: number;
  max: number;
  /** Names of values in three letters, upper case; the first stands for `min`. */
  names?: readonly string[];
};

/** The five fields, in their order. Day of week: 0 and 7 are Sunday. */
export const cronFields = {
  minute: { name: 'minute', min: 0, max: 59 },
  hour: { name: 'hour', min: 0, max: 23 },
  dayOfMonth: { name: 'day of month', min: 1, max: 31 },
  month: { name: 'month', min: 1, max: 12, names: 'JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC'.split(' ') },
  dayOfWeek: { name: 'day of week', min: 0, max: 7, names: 'SUN MON TUE WED THU FRI SAT'.split(' ') },
} satisfies Record<string, CronField>;

/** How many different values a field has, which is the largest step that makes sense. */
export function sizeOfField(field: CronField): number {
  return field.names?.length ?? field.max - field.min + 1;
}

/**
 * The values of one term of a field (what stands between commas): a value, a range, `*`, each but the value with a step;
 * a value with a step reaches to the end of the field. Null when it is none of these.
 */
export function valuesOfTerm(term: string, field: CronField): number[] | null {
  const [base = '', stepText, ...rest] = term.split('/');
  if (rest.length > 0) return null;
  const step = stepText === undefined ? 1 : wholeNumber(stepText);
  const range = rangeOf(base, field, stepText !== undefined);
  if (step === null || range === null || step < 1 || step > sizeOfField(field)) return null;
  const values: number[] = [];
  for (let value = range.from; value <= range.to; value += step) values.push(value);
  return values;
}

/** A single value of a field, as a number or by its name; null when it is none. */
export function valueInField(text: string, field: CronField): number | null {
  const named = field.names?.indexOf(text.toUpperCase()) ?? -1;
  const value = named >= 0 ? field.min + named : wholeNumber(text);
  return value !== null && value >= field.min && value <= field.max ? value : null;
}

function rangeOf(base: string, field: CronField, hasStep: boolean): { from: number; to: number } | null {
  if (base === '*') return { from: field.min, to: field.max };
  const [fromText = '', toText, ...rest] = base.split('-');
  const from = valueInField(fromText, field);
  if (from === null || rest.length > 0) return null;
  if (toText === undefined) return { from, to: hasStep ? field.max : from };
  const value = valueInField(toText, field);
  // A week that ends on Sunday: FRI-SUN.
  const to = value === 0 && field.max === 7 && from > 0 ? 7 : value;
  return to === null || to < from ? null : { from, to };
}

/** One to three digits; null otherwise. */
function wholeNumber(text: string): number | null {
  return /^[0-9]{1,3}$/.test(text) ? Number(text) : null;
}
