import { z } from 'zod';
import type { ChannelKind } from '../channel-kind.ts';
import { ownLabels } from './alertmanager-alert.ts';
import { AlertmanagerNotifier } from './alertmanager-notifier.ts';

export type AlertmanagerSettings = {
  /** Base of each instance of a cluster, without "/api/v2/alerts". */
  urls: string[];
  /** Added to every alert. */
  labels: Record<string, string>;
};

const labelMaxLength = 1_024;
/** As Prometheus has it. Names that begin with __ it keeps for itself. */
const labelName = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/;

const settings = z.strictObject({
  urls: z
    .array(
      z.string().refine((text) => /^https?:\/\/[^\s/?#][^\s?#]*$/i.test(text) && URL.canParse(text), {
        error: 'must be a URL that starts with http:// or https://, without spaces, query and fragment',
      }),
    )
    .min(1, { error: 'must have 1 to 10 URLs' })
    .max(10, { error: 'must have 1 to 10 URLs' }),
  labels: z
    .record(
      z
        .string()
        .regex(labelName, { error: 'names must be letters, digits and _, not begin with a digit, nor with __' })
        .refine((name) => !ownLabels.includes(name), { error: `names must not be one of ${ownLabels.join(', ')}` }),
      z
        .string()
        .min(1, { error: 'must not be empty' })
        .max(labelMaxLength, {
          error: `must have at most ${labelMaxLength} characters`,
        }),
    )
    .refine((labels) => Object.keys(labels).length <= 20, { error: 'must have at most 20 labels' })
    .default({}),
});

/** Prometheus Alertmanager: it routes on, groups, and has silences of its own. */
export const alertmanagerKind: ChannelKind<AlertmanagerSettings> = {
  settings,
  secrets: ['urls'],
  isKeyed: false,
  refreshMs: 300_000,
  notifier: ({ urls, labels }, ports) => new AlertmanagerNotifier({ urls, labels, ports }),
};
