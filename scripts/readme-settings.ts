import { readFileSync, writeFileSync } from 'node:fs';
import { defaultText } from '../server/config/help-text.ts';
import { type Setting, settings } from '../server/config/settings.ts';

// `npm run docs` writes the table of settings into the README; a test fails while it is out of date.

const begin = '<!-- settings: written by `npm run docs` -->';
const end = '<!-- end of settings -->';

/** The README with a table of settings that is up to date. Throws when the README has no place for it. */
export function withSettings(readme: string): string {
  const from = readme.indexOf(begin);
  const to = readme.indexOf(end);
  if (from < 0 || to < from) throw new Error(`README.md must hold ${begin} and, after it, ${end}`);
  return `${readme.slice(0, from)}${begin}\n\n${settingsTable()}\n\n${readme.slice(to)}`;
}

/** Padded, as the formatter wants it. */
function settingsTable(): string {
  const rows = Object.values<Setting<unknown>>(settings).map((setting) =>
    [code(setting.variable), shownDefault(setting), setting.unit, setting.range, setting.description].map((cell) =>
      cell.replaceAll('|', '\\|'),
    ),
  );
  const table = [['Variable', 'Default', 'Unit', 'Valid', 'What it does'], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  const lines = table.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`);
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [lines[0], rule, ...lines.slice(1)].join('\n');
}

function shownDefault(setting: Setting<unknown>): string {
  return setting.default === null ? defaultText(setting) : code(setting.default);
}

function code(text: string): string {
  return `\`${text}\``;
}

if (import.meta.main) {
  const path = new URL('../README.md', import.meta.url);
  writeFileSync(path, withSettings(readFileSync(path, 'utf8')));
}
