import t from 'tap';
import { type Intent, readCommandLine } from '../../server/config/command-line.ts';
import { settings } from '../../server/config/settings.ts';

const read = (...args: string[]): Intent => readCommandLine(args, { version: '1.2.3' });

function exitOf(...args: string[]): { code: number; text: string } {
  const intent = read(...args);
  return intent.kind === 'exit' ? intent : { code: -1, text: '' };
}

t.test('commands', async (t) => {
  t.same(read(), { kind: 'serve', insecureNoAuth: false, monitorsFile: null });
  t.same(read('serve'), { kind: 'serve', insecureNoAuth: false, monitorsFile: null });
  t.same(read('--insecure-no-auth'), { kind: 'serve', insecureNoAuth: true, monitorsFile: null });
  t.same(read('serve', '--insecure-no-auth'), { kind: 'serve', insecureNoAuth: true, monitorsFile: null });
  t.match(read('--config', 'monitors.yaml'), { kind: 'serve', monitorsFile: 'monitors.yaml' });
  t.match(read('serve', '--config=monitors.yaml'), { kind: 'serve', monitorsFile: 'monitors.yaml' });
  t.same(read('test-alert'), { kind: 'test-alert' });
});

t.test('version', async (t) => {
  t.same(exitOf('--version'), { kind: 'exit', code: 0, text: '1.2.3\n' });
  t.same(exitOf('-V').text, '1.2.3\n');
});

t.test('help lists every setting with default, unit and range, within 100 columns', async (t) => {
  const { code, text } = exitOf('--help');
  t.equal(code, 0);
  t.equal(exitOf('-h').text, text);
  t.match(text, '--insecure-no-auth');
  t.match(text, 'test-alert');
  const lines = text.split('\n');
  for (const { variable, unit, ...setting } of Object.values(settings)) {
    const row = lines.find((line) => line.startsWith(`  ${variable} `)) ?? '';
    t.same(row.split(/ +/, 4).slice(1), [variable, setting.default ?? setting.defaultText, unit], variable);
  }
  t.ok(text.replace(/\s+/g, ' ').includes('(1 to 20000)'), 'ranges');
  t.same(
    lines.filter((line) => line.length > 100),
    [],
  );
  t.notMatch(text, /undefined|null|\[object/);
});

t.test('mistakes end with 1 and say what is wrong', async (t) => {
  const cases: [string[], RegExp][] = [
    [['--port', '3'], /unknown option '--port'/],
    [['--insecure-no-aut'], /unknown option.*\n.*Did you mean --insecure-no-auth\?/],
    [['-x'], /unknown option '-x'/],
    [['test-alert', '--now'], /unknown option '--now'/],
    [['tset-alert'], /unknown command 'tset-alert': there are serve, test-alert/],
    [['--config'], /'--config <file>' argument missing/],
    [['--config='], /'--config <file>' needs the path of a file/],
    [['test-alert', 'x'], /too many arguments/],
  ];
  for (const [args, message] of cases) {
    const { code, text } = exitOf(...args);
    t.equal(code, 1, args.join(' '));
    t.match(text, message);
    t.match(text, '--help');
  }
});
