import { type Setting, settings } from './settings.ts';

const width = 100;
const headings = ['SETTING', 'DEFAULT', 'UNIT', 'WHAT IT DOES'] as const;

/** The part of `--help` that lists the settings: name, default, unit, description and what is valid. Fits 100 columns. */
export function settingsHelp(): string {
  const rows = Object.values<Setting<unknown>>(settings).map((setting) => [
    setting.variable,
    defaultText(setting),
    setting.unit,
    setting.range === '' ? setting.description : `${setting.description} (${setting.range})`,
  ]);
  const table = [[...headings], ...rows];
  const columns = [0, 1, 2].map((column) => Math.max(...table.map((row) => row[column]!.length)) + 2);
  const indent = 2 + columns.reduce((sum, column) => sum + column, 0);
  const lines = table.flatMap((row) => {
    const start = `  ${columns.map((column, index) => row[index]!.padEnd(column)).join('')}`;
    const [first, ...more] = wrap(row[3]!, width - indent);
    return [`${start}${first}`, ...more.map((line) => `${' '.repeat(indent)}${line}`)];
  });
  return [
    'Settings are environment variables; an empty one counts as unset.',
    ...secretsHint(),
    '',
    ...lines,
    '',
    'Durations are a whole number and one of W (week), D (day), h, m, s, such as 10m.',
  ].join('\n');
}

/** The default of a setting as people read it. */
export function defaultText(setting: Setting<unknown>): string {
  return setting.defaultText ?? setting.default ?? 'none';
}

function secretsHint(): string[] {
  const secrets = Object.values<Setting<unknown>>(settings).filter(({ shown }) => shown === 'secret');
  const names = secrets.map(({ variable }) => `${variable}_FILE`).join(' and ');
  return wrap(`A secret can be read from a file instead: ${names} take its path.`, width);
}

/** Breaks between words, so that no line is longer than `columns`, unless one word is. */
function wrap(text: string, columns: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines.length - 1;
    const longer = lines[last] === '' ? word : `${lines[last]} ${word}`;
    if (longer.length <= columns || lines[last] === '') lines[last] = longer;
    else lines.push(word);
  }
  return lines;
}
