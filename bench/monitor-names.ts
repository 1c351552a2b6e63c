export const nameDigits = 7;
export const namePrefix = 'bench-';

/** The name of the monitor with a number, 0 to 9,999,999. All names are of one length, so requests can be patched. */
export function monitorName(number: number): string {
  return namePrefix + String(number).padStart(nameDigits, '0');
}

/** Overwrites the digits of a name within a request. `at` is the offset of the first digit. */
export function patchNumber(bytes: Uint8Array, at: number, number: number): void {
  let rest = number;
  for (let digit = at + nameDigits - 1; digit >= at; digit--) {
    const next = (rest / 10) | 0;
    bytes[digit] = 48 + rest - next * 10;
    rest = next;
  }
}

/** Where the digits of the one name in `bytes` begin. @throws Error when there is none. */
export function numberOffset(bytes: Buffer): number {
  const at = bytes.indexOf(monitorName(0));
  if (at < 0) throw new Error('the request carries no name');
  return at + namePrefix.length;
}
