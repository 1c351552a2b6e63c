/** The longest name of a time zone, bytes. */
export const maxTimeZoneLength = 64;

/** What IANA has in three letters. ICU knows more, and not as everyone reads them: its BST is Bangladesh, its IST India. */
const ianaAbbreviation = /^(CET|EET|EST|GMT|HST|MET|MST|PRC|ROC|ROK|UCT|UTC|WET)$/i;

/**
 * What is wrong with the name of a time zone; null when it is one of IANA's, canonical or a link, in any case. Reads on
 * after the name of the field. `open` throws a RangeError for zones that Intl does not know.
 */
export function timeZoneProblem(timeZone: string, open: (timeZone: string) => unknown): string | null {
  const form = 'must be the IANA name of a time zone, such as Europe/Berlin or UTC';
  if (timeZone.length > maxTimeZoneLength) return `${form}, at most ${maxTimeZoneLength} bytes`;
  // A fixed offset has no rules, and its sign is the other way round in the zones that have one in their names.
  if (/^[+-]/.test(timeZone))
    return `${form}; a fixed offset is written as Etc/GMT-2 (which is two hours ahead of UTC)`;
  if (/^[A-Z]{3}$/i.test(timeZone) && !ianaAbbreviation.test(timeZone)) return form;
  if (/^SystemV\//i.test(timeZone)) return form;
  try {
    open(timeZone);
    return null;
  } catch (error) {
    if (error instanceof RangeError) return form;
    throw error;
  }
}
