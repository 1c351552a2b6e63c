import { fromJson, type JsonValue, type MessageInitShape } from '@bufbuild/protobuf';
import { ChannelOrigin, type ChannelSchema } from '../../gen/ts/tocsin/v1/channel_pb.ts';
import type { ChannelSettings } from '../alerting/channel-settings.ts';
import type { KeptChannel } from '../alerting/channel-spec.ts';
import { formatDuration } from '../engine/domain/duration.ts';
import { timestampOf } from './monitor-message.ts';
import { kindFields } from './read-channel.ts';

const origins: Record<KeptChannel['origin'], ChannelOrigin> = {
  settings: ChannelOrigin.SETTINGS,
  api: ChannelOrigin.API,
};

type Init = MessageInitShape<typeof ChannelSchema>;

/** A channel as the wire has it. `settings`: those of its kind, without secrets. */
export function channelMessage(
  channel: KeptChannel,
  { settings, state }: { settings: ChannelSettings; state: Init['state'] },
): Init {
  const { name, spec, etag, origin, createdMs, updatedMs } = channel;
  const isSetUp = origin === 'settings';
  return {
    name,
    description: spec.description,
    kind: kindMessage(spec.kind, settings),
    concurrency: spec.concurrency,
    digestAbove: spec.digest.above,
    digestWindow: formatDuration(spec.digest.windowMs),
    etag,
    origin: origins[origin],
    createdAt: timestampOf(isSetUp ? null : createdMs),
    updatedAt: timestampOf(isSetUp ? null : updatedMs),
    state,
  };
}

function kindMessage(kind: string, settings: ChannelSettings): Init['kind'] {
  const message = kindFields.get(kind)?.message;
  if (!message) return { case: undefined };
  const value = fromJson(message, settings as JsonValue, { ignoreUnknownFields: true });
  return { case: kind, value } as Init['kind'];
}
