/** The longest name of a monitor, in bytes of UTF-8. */
export const maxNameBytes = 256;

/**
 * What is wrong with a monitor's name, or null. A name is 1 to 256 bytes of UTF-8 without control characters (C0, DEL,
 * C1) and without lone surrogates, which have no UTF-8 form: two names that differ only there would become one.
 *
 * The text reads on after the name of the field: "must not be empty".
 */
export function checkMonitorName(name: string): string | null {
  if (name === '') return `must not be empty: 1 to ${maxNameBytes} bytes of UTF-8 are valid`;
  // A code unit is at least one byte, so an absurdly long name is refused before it is looked at.
  if (name.length > maxNameBytes || utf8Bytes(name) > maxNameBytes) {
    return `must be at most ${maxNameBytes} bytes of UTF-8`;
  }
  if (!name.isWellFormed()) return 'must be valid Unicode: it holds half of a surrogate pair';
  for (let index = 0; index < name.length; index++) {
    const code = name.charCodeAt(index);
    if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) {
      return `must not hold control characters: there is a U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
    }
  }
  return null;
}

/** Bytes of the UTF-8 form; a lone surrogate counts as the three bytes of its replacement. */
function utf8Bytes(text: string): number {
  let bytes = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < 0x80) bytes += 1;
    else if (code < 0x800) bytes += 2;
    // A high surrogate before a low one: 2 + 2 bytes for the pair.
    else if (isSurrogatePair(text, index)) {
      bytes += 4;
      index += 1;
    } else bytes += 3;
  }
  return bytes;
}

function isSurrogatePair(text: string, index: number): boolean {
  const high = text.charCodeAt(index);
  const low = text.charCodeAt(index + 1);
  return high >= 0xd800 && high <= 0xdbff && low >= 0xdc00 && low <= 0xdfff;
}
