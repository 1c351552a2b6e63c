import type { FieldProblem } from './read-maintenance.ts';

/** The first item of a list that `problemOf` has something against; null when there is none. */
export function itemProblem(
  field: string,
  items: readonly string[],
  problemOf: (item: string) => string | null,
): FieldProblem | null {
  for (const [index, value] of items.entries()) {
    const problem = problemOf(value);
    if (problem !== null) return { field: `${field}[${index}]`, problem, value };
  }
  return null;
}

/** What is wrong with a tag, wherever it comes from, or null: what a ping sets must be fit for a document. */
export function tagProblem(tag: string): string | null {
  const bytes = Buffer.byteLength(tag);
  const isClean = tag.isWellFormed() && !/[\p{Cc},]/u.test(tag);
  return isClean && bytes >= 1 && bytes <= 64 ? null : 'must be 1 to 64 bytes, without commas and control characters';
}

/** What is wrong with a text for people, or null. */
export function textProblem(text: string): string | null {
  if (!text.isWellFormed()) return 'must be valid Unicode: it holds half of a surrogate pair';
  return text.includes('\0') ? 'must not hold a NUL character' : null;
}
