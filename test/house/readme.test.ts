import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { withSettings } from '../../scripts/readme-settings.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const decisions = readdirSync(join(root, 'docs/decisions')).filter((name) => name.endsWith('.md'));
const pages = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
const documents = [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'sdk/README.md'],
  ...pages.map((name) => `docs/${name}`),
  ...decisions.map((name) => `docs/decisions/${name}`),
];

t.test('the table of settings in the README is current (npm run docs)', async (t) => {
  const readme = read('README.md');
  t.equal(readme, withSettings(readme));
  t.equal(withSettings(readme.replace('| `PORT` ', '| `PROT` ')), readme, 'a stale table is put right');
  t.throws(() => withSettings('# no place for it'), /must hold/);
});

t.test('what the documents point at is there', async (t) => {
  for (const document of documents) {
    const text = read(document);
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s#]+)[^)]*\)/g)) {
      if (/^https?:/.test(target)) continue;
      t.ok(existsSync(join(root, dirname(document), target)), `${document} -> ${target}`);
    }
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    for (const [, script = ''] of text.matchAll(/npm run ([a-z:-]+)/g)) {
      t.ok(Object.hasOwn(scripts, script), `${document}: npm run ${script}`);
    }
  }
});

t.test('decisions are numbered', async (t) => {
  const numbers = decisions.map((name) => /^(\d{4})-[a-z0-9-]+\.md$/.exec(name)?.[1]);
  t.notOk(numbers.includes(undefined), 'NNNN-title.md');
  t.equal(new Set(numbers).size, decisions.length, 'a number is given once');
});
