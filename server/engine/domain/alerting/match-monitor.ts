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
 * does not fit takes one character more, and no star before it is tried again (Kirk Krauss, "Matching Wildcards").
 */
export function matchesPattern(pattern: string, text: string): boolean {
  const tokens = tokensOf(pattern);
  const characters = [...text];
  let at = 0;
  let token = 0;
  let star = -1;
  let starAt = 0;
  while (at < characters.length) {
    const expected = tokens[token];
    if (expected?.kind === 'star') {
      star = token++;
      starAt = at;
    } else if (expected && (expected.character === null || expected.character === characters[at])) {
      token += 1;
      at += 1;
    } else if (star >= 0) {
      token = star + 1;
      starAt += 1;
      at = starAt;
    } else {
      return false;
    }
  }
  while (tokens[token]?.kind === 'star') token += 1;
  return token === tokens.length;
}

/** `one`: this character; null: any. */
type Token = { kind: 'star' } | { kind: 'one'; character: string | null };

function tokensOf(pattern: string): Token[] {
  const tokens: Token[] = [];
  let escaped = false;
  for (const character of pattern) {
    if (escaped) tokens.push({ kind: 'one', character });
    else if (character === '*') tokens.push({ kind: 'star' });
    else if (character === '?') tokens.push({ kind: 'one', character: null });
    else if (character !== '\\') tokens.push({ kind: 'one', character });
    escaped = !escaped && character === '\\';
  }
  return tokens;
}
