import { alertmanagerKind } from './alertmanager/alertmanager-kind.ts';
import type { ChannelKind } from './channel-kind.ts';
import { logKind } from './log/log-kind.ts';
import { webhookKind } from './webhook/webhook-kind.ts';

/** A kind of which only its own folder knows what the settings are. */
export type AnyChannelKind = ChannelKind<Record<string, unknown>>;

/** Every kind of channel, by the name that it has in the contract (`Channel.kind` in channel.proto). */
export const channelKinds = {
  webhook: webhookKind,
  alertmanager: alertmanagerKind,
  log: logKind,
} satisfies Record<string, AnyChannelKind>;

export type ChannelKindName = keyof typeof channelKinds;
