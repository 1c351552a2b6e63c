/** How much a text is to whoever limits it; of a text it must be the sum over its code points. */
export type TextSize = (text: string) => number;

/** UTF-16 code units, as JavaScript and most services count. */
export const utf16Units: TextSize = (text) => text.length;

/** Bytes of UTF-8. */
export const utf8Bytes: TextSize = (text) => Buffer.byteLength(text, 'utf8');

/** Bytes of UTF-8 as a string of JSON, without its quotes. */
export const jsonBytes: TextSize = (text) => Buffer.byteLength(JSON.stringify(text), 'utf8') - 2;

/** The text, or as much of its beginning as fits with an ellipsis; code points stay whole. '' when not even that fits. */
export function cutText(text: string, max: number, size: TextSize = utf16Units): string {
  if (size(text) <= max) return text;
  let left = max - size('…');
  if (left < 0) return '';
  let end = 0;
  for (const character of text) {
    left -= size(character);
    if (left < 0) break;
    end += character.length;
  }
  return `${text.slice(0, end)}…`;
}

/**
 * The text in one line: white space and control characters become single spaces. What turns the direction of writing
 * around goes: a name must not change how the words after it read (bidirectional spoofing, Unicode report 36).
 */
export function oneLine(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
}
