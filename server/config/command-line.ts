import { Command, CommanderError } from 'commander';
import { settingsHelp } from './help-text.ts';

/** What the command line asks for. `exit`: print `text` (to stdout when `code` is 0, else to stderr) and end with `code`. */
export type Intent =
  | {
      kind: 'serve';
      insecureNoAuth: boolean;
      /** Path of the document of monitors; null: what the settings say. */
      monitorsFile: string | null;
    }
  | { kind: 'test-alert' }
  | { kind: 'exit'; code: number; text: string };

/** Reads the arguments after the program's name. Never prints and never ends the process. */
export function readCommandLine(args: readonly string[], options: { version: string }): Intent {
  let intent: Intent | undefined;
  let text = '';
  const output = {
    writeOut: (part: string) => {
      text += part;
    },
    writeErr: (part: string) => {
      text += part;
    },
    getOutHelpWidth: () => 100,
    getErrHelpWidth: () => 100,
    getOutHasColors: () => false,
    getErrHasColors: () => false,
  };

  // Subcommands inherit exitOverride and output only when these are set before `command`.
  const program = new Command('npm start --')
    .usage('[command] [options]')
    .description('Heartbeat monitor: services ping it, and it rings when one goes quiet.')
    .exitOverride()
    .configureOutput(output)
    .showHelpAfterError('(--help lists commands, options and settings)')
    .helpCommand(false)
    .helpOption('-h, --help', 'print this help')
    .version(options.version, '-V, --version', 'print the version')
    .option('--insecure-no-auth', 'listen on a HOST that other machines can reach without TOCSIN_TOKEN')
    .option('--config <file>', 'apply this document of monitors (YAML or JSON) at start and on SIGHUP')
    .addHelpText('after', () => `\n${settingsHelp()}`);

  program
    .command('serve', { isDefault: true })
    .description('take pings and send alerts (the default)')
    .usage('[options]')
    // Whatever is no command comes here, and deserves a better message than "too many arguments".
    .allowExcessArguments(true)
    .action((_own, command: Command) => {
      const [unknown] = command.args;
      if (unknown !== undefined) {
        const commands = program.commands.map((known) => known.name()).join(', ');
        program.error(`error: unknown command '${unknown}': there are ${commands}`);
      }
      const { insecureNoAuth = false, config } = program.opts<{ insecureNoAuth?: true; config?: string }>();
      if (config === '') program.error("error: option '--config <file>' needs the path of a file");
      intent = { kind: 'serve', insecureNoAuth, monitorsFile: config ?? null };
    });
  program
    .command('test-alert')
    .description('send a test alert to PING_ALERT_URI and tell what came back')
    .usage('')
    .allowExcessArguments(false)
    .action(() => {
      intent = { kind: 'test-alert' };
    });

  try {
    program.parse(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return { kind: 'exit', code: error.exitCode, text };
  }
  return intent ?? { kind: 'exit', code: 1, text };
}
