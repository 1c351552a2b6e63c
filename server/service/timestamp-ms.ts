import { timestampMs as msOf, type Timestamp } from '@bufbuild/protobuf/wkt';

/** The end of 9999, as far as RFC 3339 goes. */
const lastS = 253_402_300_799n;

/** Reads on after the name of the field. */
export const timestampHint = 'must be from 1970-01-01T00:00:00Z to 9999-12-31T23:59:59Z';

/** A time of the wire, Unix ms; null when it is not in the range of `timestampHint`. */
export function timestampMs(time: Timestamp): number | null {
  const { seconds, nanos } = time;
  return seconds < 0n || seconds > lastS || nanos < 0 || nanos >= 1e9 ? null : Math.floor(msOf(time));
}
