import { z } from 'zod';
import type { ChannelKind } from '../channel-kind.ts';
import { LogNotifier } from './log-notifier.ts';

/** The server's log; there is nothing to set. */
export const logKind: ChannelKind<Record<string, never>> = {
  settings: z.strictObject({}),
  secrets: [],
  isKeyed: false,
  refreshMs: null,
  notifier: (_settings, ports) => new LogNotifier(ports),
};
