import type { Severity } from '../monitor-config.ts';
import type { MonitorMatcher } from './alert-rules.ts';

/** What of a monitor matchers look at. */
export type Matched = { name: string; tags: readonly string[]; severity: Severity };

/** Whether a matcher picks a monitor. */
export function matchesMonitor({ tags, namePattern, severities }: MonitorMatcher, monitor: Matched): boolean {
  if (severities.length > 0 && !severities.includes(monitor.severity)) return false;
  if (!tags.every((tag) => monitor.tags.includes(tag))) return false;
  return namePattern === '' || matchesPattern(namePattern, monitor.name);
}

/** What is wrong with a name pattern; null when nothing is. */
export function patternProblem(pattern: string): string | null {
  let escaped = false;
  for (const character of pattern) escaped = !escaped && character === '\\';
  return escaped ? 'must not end with a single backslash: it takes the next character as it is' : null;
}

/**
 * Whether the whole text matches a pattern of `*`, `?` and `\`. Linear in practice, at worst pattern times text: a star that
 * does not fit takes one character more, and no star before it is tried again (Kirk Krauss, "Matching Wildcards"). Nothing
 * is allocated: a monitor that goes down may be matched with thousands of patterns.
 */
export function matchesPattern(pattern: string, text: string): boolean {
  let at = 0;
  let token = 0;
  /** Where to go on after the last star, in both; -1: there was none. */
  let afterStar = -1;
  let starAt = 0;
  while (at < text.length) {
    const code = pattern.charCodeAt(token);
    if (code === STAR) {
      afterStar = ++token;
      starAt = at;
    } else if (code === ANY) {
      token += 1;
      at += lengthAt(text, at);
    } else if (pattern.charCodeAt(code === ESCAPE ? token + 1 : token) === text.charCodeAt(at)) {
      token += code === ESCAPE ? 2 : 1;
      at += 1;
    } else if (afterStar >= 0) {
      token = afterStar;
      starAt += lengthAt(text, starAt);
      at = starAt;
    } else {
      return false;
    }
  }
  while (pattern.charCodeAt(token) === STAR) token += 1;
  return token >= pattern.length;
}

const STAR = '*'.charCodeAt(0);
const ANY = '?'.charCodeAt(0);
const ESCAPE = '\\'.charCodeAt(0);

/** UTF-16 units of the character there. */
function lengthAt(text: string, index: number): number {
  return text.codePointAt(index)! > 0xffff ? 2 : 1;
}
