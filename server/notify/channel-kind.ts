import type { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { HttpAttemptOptions, HttpRequest } from './http-attempt.ts';
import type { AlertLogger } from './log/log-notifier.ts';
import type { Notifier, Verdict } from './notifier.ts';

/** What notifiers may use of the world. */
export type NotifierPorts = {
  clock: Clock;
  logger: AlertLogger;
  /** Makes one HTTP request, as `attemptHttp`; addresses that are not allowed are refused. The only way to speak HTTP. */
  http: (request: HttpRequest, options: HttpAttemptOptions) => Promise<Verdict>;
  /**
   * Looks up a host for what is not HTTP: its addresses that are allowed.
   *
   * @throws EgressError when it has none (`reason`: dns, refused_address).
   */
  addressesOf: (host: string) => Promise<readonly { address: string; family: 4 | 6 }[]>;
  /** Of the server: signs webhooks whose channel has no secret of its own, `whsec_…`. */
  signingSecret: string;
  /** Where programs that alerts may run are; null: none may. */
  execDir: string | null;
  /** How they are run. */
  programs: {
    /** What they get of the server's environment: PATH, HOME and LANG, not its secrets. */
    environment: Readonly<Record<string, string>>;
    /** Kills the group of processes that `pid` leads. Does nothing when it is gone. */
    killGroup: (pid: number) => void;
  };
};

/**
 * A kind of channel: a message and a field of `Channel.kind` in channel.proto (then `npm run generate`), a folder of its own, a
 * line in the registry, a row in docs/channels.md, and a folder of tests that runs the contract of notifiers.
 */
export type ChannelKind<Settings> = {
  /**
   * Checks settings, with secrets resolved, and fills in defaults. Names are those of the kind's message in
   * `channel.proto`, as in its JSON; what is not set may be missing. Problems name the field and say what is valid, and do
   * not show its value.
   */
  settings: z.ZodType<Settings>;
  /** Names of the settings that are secret, of maps and lists all values: never shown. */
  secrets: readonly (keyof Settings & string)[];
  /** Receivers keep what is open until they are told that it is over, each under a key. */
  isKeyed: boolean;
  /** What goes out at once goes as one, however little it is; and what is open is told again so often, ms. */
  refreshMs: number | null;
  /** @throws never: what is wrong with the settings, `settings` has said. */
  notifier(settings: Settings, ports: NotifierPorts): Notifier;
};
