import { alertmanagerKind } from './alertmanager/alertmanager-kind.ts';
import type { ChannelKind } from './channel-kind.ts';
import { discordKind } from './discord/discord-kind.ts';
import { emailKind } from './email/email-kind.ts';
import { execKind } from './exec/exec-kind.ts';
import { logKind } from './log/log-kind.ts';
import { ntfyKind } from './ntfy/ntfy-kind.ts';
import { opsgenieKind } from './opsgenie/opsgenie-kind.ts';
import { pagerDutyKind } from './pagerduty/pagerduty-kind.ts';
import { slackKind } from './slack/slack-kind.ts';
import { teamsKind } from './teams/teams-kind.ts';
import { telegramKind } from './telegram/telegram-kind.ts';
import { webhookKind } from './webhook/webhook-kind.ts';

/** A kind of which only its own folder knows what the settings are. */
export type AnyChannelKind = ChannelKind<Record<string, unknown>>;

/** Every kind of channel, by the name that it has in the contract (`Channel.kind` in channel.proto). */
export const channelKinds = {
  webhook: webhookKind,
  slack: slackKind,
  discord: discordKind,
  teams: teamsKind,
  pagerduty: pagerDutyKind,
  opsgenie: opsgenieKind,
  telegram: telegramKind,
  ntfy: ntfyKind,
  alertmanager: alertmanagerKind,
  email: emailKind,
  exec: execKind,
  log: logKind,
} satisfies Record<string, AnyChannelKind>;
