import { settings } from './settings.ts';

const known = new Set(
  Object.values(settings).flatMap(({ variable, shown }) =>
    shown === 'secret' ? [variable, `${variable}_FILE`] : [variable],
  ),
);

// The SDK reads this one, and one shell often runs both.
const otherPrograms = new Set(['TOCSIN_URL']);

// Kubernetes sets these for every service of the namespace, so for one that is called "tocsin".
const serviceLinkName = /_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/;
const serviceLinkValue = /^(tcp|udp|sctp):\/\//;

/** The variables that look like ours and are not: a mistyped setting must not pass in silence. */
export function unknownVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.keys(env).filter((variable) => {
    const value = env[variable] ?? '';
    if (value === '' || !/^(TOCSIN|PING_ALERT)_/.test(variable)) return false;
    if (known.has(variable) || otherPrograms.has(variable)) return false;
    return !serviceLinkName.test(variable) && !serviceLinkValue.test(value);
  });
}

export function describeUnknown(variable: string): string {
  const nearest = nearestKnown(variable);
  return `${variable}: there is no such setting; ${nearest ? `did you mean ${nearest}?` : '--help lists all'}`;
}

/** The known name that a typing slip or a wrong prefix apart is `variable`, if one is. */
function nearestKnown(variable: string): string | undefined {
  let nearest: string | undefined;
  let least = 4;
  for (const name of known) {
    const distance = Math.min(editDistance(variable, name), editDistance(stem(variable), stem(name)) + 1);
    if (distance < least) {
      least = distance;
      nearest = name;
    }
  }
  return nearest;
}

function stem(variable: string): string {
  return variable.replace(/^(TOCSIN|PING_ALERT)_/, '');
}

/** Levenshtein's: the fewest insertions, deletions and replacements of a character that turn one text into the other. */
function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const replaced = previous[column - 1]! + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, previous[column]! + 1, current[column - 1]! + 1));
    }
    previous = current;
  }
  return previous[to.length]!;
}
