/**
 * The IPv4 address that packets to an IPv6 address end up at, where the form of the address says so: mapped and translated
 * (RFC 4291, RFC 2765), compatible (RFC 4291), NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056). Null: none.
 *
 * @param address a valid IPv6 address without zone
 */
export function embeddedIpv4(address: string): string | null {
  const groups = groupsOf(address);
  const begins = (...prefix: number[]): boolean => prefix.every((group, index) => groups[index] === group);
  const last = dotted(groups[6]!, groups[7]!);
  if (begins(0, 0, 0, 0, 0, 0xffff) || begins(0, 0, 0, 0, 0xffff, 0)) return last;
  if (begins(0x64, 0xff9b, 0, 0, 0, 0) || begins(0x64, 0xff9b, 1)) return last;
  if (begins(0x2002)) return dotted(groups[1]!, groups[2]!);
  // Not :: and ::1, which are no IPv4 address in disguise.
  return begins(0, 0, 0, 0, 0, 0) && groups[6]! >= 0x100 ? last : null;
}

/** The eight groups of 16 bits. */
function groupsOf(address: string): number[] {
  // The URL parser writes every form alike: lower-case hex, without a dotted end.
  const [head = '', tail] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split('::');
  const before = numbers(head);
  const after = numbers(tail ?? '');
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
}

function numbers(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}

function dotted(high: number, low: number): string {
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
}
