import fc from 'fast-check';
import t from 'tap';
import {
  matchesMonitor,
  matchesPattern,
  patternProblem,
} from '../../../server/engine/domain/alerting/match-monitor.ts';

t.test('name patterns', async (t) => {
  const table: [pattern: string, text: string, matches: boolean][] = [
    ['*', '', true],
    ['', '', true],
    ['?', '', false],
    ['a*b', 'ab', true],
    ['a*b', 'a/x/b', true],
    ['a*b', 'abc', false],
    ['*.prod', 'db.prod', true],
    ['*a*b*', 'xxaxxbxx', true],
    ['a?c', 'abc', true],
    ['a?c', 'a\u{1f514}c', true],
    ['a\\*c', 'a*c', true],
    ['a\\*c', 'abc', false],
    ['\\\\', '\\', true],
    ['ab*', 'Ab', false],
  ];
  for (const [pattern, text, matches] of table) t.equal(matchesPattern(pattern, text), matches, `${pattern} ${text}`);
  t.equal(patternProblem('a\\\\'), null);
  t.match(patternProblem('a\\'), /single backslash/);
  const began = process.cpuUsage().user;
  t.notOk(matchesPattern(`${'*a'.repeat(120)}b`, 'a'.repeat(256)), 'nothing explodes');
  t.ok(process.cpuUsage().user - began < 1_000_000);
});

t.test('name patterns mean what the same regular expression means', async () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '\\', '\u{1f514}'), maxLength: 12 });
  const check = (pattern: string, name: string) => {
    if (patternProblem(pattern) !== null) return true;
    const source = pattern.replace(/\\(.)|\*|\?|[\s\S]/gu, (all, taken) =>
      // Each by its code point, so that nothing of it is special.
      taken !== undefined ? `\\u{${taken.codePointAt(0)!.toString(16)}}` : all === '*' ? '.*' : all === '?' ? '.' : all,
    );
    return matchesPattern(pattern, name) === new RegExp(`^${source}$`, 'su').test(name);
  };
  fc.assert(fc.property(text, text, check), { numRuns: 3_000 });
});

t.test('a matcher picks what matches everything that is set', async (t) => {
  const monitor = { name: 'db/backup', tags: ['db', 'prod'], severity: 'error' as const };
  const all = { tags: [], namePattern: '', severities: [] };
  t.ok(matchesMonitor(all, monitor));
  t.ok(matchesMonitor({ tags: ['prod', 'db'], namePattern: 'db/*', severities: ['error', 'info'] }, monitor));
  t.notOk(matchesMonitor({ ...all, tags: ['db', 'web'] }, monitor));
  t.notOk(matchesMonitor({ ...all, namePattern: 'web/*' }, monitor));
  t.notOk(matchesMonitor({ ...all, severities: ['critical'] }, monitor));
});
