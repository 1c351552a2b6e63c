import type { Spread } from '../measure/spread.ts';
import type { Measure, Unit } from './bench-result.ts';

/** About three significant digits, but whole numbers in full: "0.085", "0.85", "12.3", "456", "78,900". */
export function numberText(value: number): string {
  const size = Math.abs(value);
  if (Number.isInteger(value) || size >= 1000) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 3);
}

/** "0.91 (0.88 to 0.95)", or only the value when there is no spread. */
export function spreadText({ median, min, max }: Spread, unit: Unit = ''): string {
  const spread = min === max ? '' : ` (${numberText(min)} to ${numberText(max)})`;
  return withUnit(numberText(median), unit) + spread;
}

export function targetText({ target, unit }: Measure): string {
  if (target === undefined) return '';
  const [sign, value] = 'atLeast' in target ? ['≥', target.atLeast] : ['≤', target.atMost];
  return `${sign} ${withUnit(numberText(value), unit)}`;
}

function withUnit(text: string, unit: Unit): string {
  if (unit === '') return text;
  return unit === 'x' ? `${text} x` : `${text} ${unit}`;
}
