import { z } from 'zod';
import { formatDuration, parseDuration } from '../../engine/domain/duration.ts';
import type { ChannelKind } from '../channel-kind.ts';
import { ExecNotifier, execTimeout } from './exec-notifier.ts';

export type ExecSettings = {
  /** Name of a file in TOCSIN_EXEC_DIR. */
  program: string;
  arguments: string[];
  /** Besides TOCSIN_* and what every program gets. */
  environment: Record<string, string>;
  /** Such as "10s". Then it is killed. */
  timeout: string;
};

const standardTimeout = '10s';

const limits = `${formatDuration(execTimeout.minMs)} to ${formatDuration(execTimeout.maxMs)}`;
/**
 * With one of these a call could have the loader, a shell or an interpreter run something else than the program that whoever
 * runs the server has put there: BASH_ENV, for one, is a file that bash runs first.
 */
const changesWhatRuns =
  /^(PATH|HOME|ENV|IFS|PS4|SHELLOPTS|BASHOPTS)$|^_?(LD_|DYLD_|BASH_|PERL|PYTHON|RUBY|NODE_|JAVA_|JDK_|GIT_)/;

const text = z.string().refine((value) => !value.includes('\0'), { error: 'must not hold a NUL' });

const settings = z.strictObject({
  program: z
    .string()
    .max(255)
    .refine((name) => /^[^/\0]+$/.test(name) && name !== '.' && name !== '..', {
      error: 'must be the name of a file in TOCSIN_EXEC_DIR, without its folder',
    }),
  arguments: z.array(text).max(20, { error: 'must have at most 20 arguments' }).default([]),
  environment: z
    .record(
      z
        .string()
        .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: 'names must be letters, digits and _, not begin with a digit' })
        .refine((name) => !name.startsWith('TOCSIN_'), { error: 'names must not begin with TOCSIN_' })
        .refine((name) => !changesWhatRuns.test(name), { error: 'must not have names that change what is run' }),
      text,
    )
    .refine((variables) => Object.keys(variables).length <= 20, { error: 'must have at most 20 variables' })
    .default({}),
  timeout: z
    .string()
    .transform((given) => given || standardTimeout)
    .refine((given) => parseDuration(given, execTimeout).ok, {
      error: `must be a whole number and one of m, s, such as 10s, from ${limits}`,
    })
    .default(standardTimeout),
});

/**
 * Runs a program of TOCSIN_EXEC_DIR. Each notice is a line of JSON on its standard input, the same as a webhook's body; the
 * gist of it is in the environment (`execEnvironment`). It is done with exit code 0. 65 (EX_DATAERR of sysexits.h) says that it
 * wants no more of this delivery; any other is tried again. What it writes is drained, and shown as the answer.
 */
export const execKind: ChannelKind<ExecSettings> = {
  settings,
  secrets: ['environment'],
  isKeyed: false,
  refreshMs: null,
  notifier: (settings, ports) => new ExecNotifier({ settings, ports }),
};
