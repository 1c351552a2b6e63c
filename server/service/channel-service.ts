import { Code } from '@connectrpc/connect';
import type { ChannelService, Channel as Message } from '../../gen/ts/tocsin/v1/channel_pb.ts';
import type { ChannelChange } from '../alerting/changed-spec.ts';
import type { ChannelBook } from '../alerting/channel-book.ts';
import type { KeptChannel } from '../alerting/channel-spec.ts';
import type { Clock } from '../clock.ts';
import { sendTestNotice, testAdvice } from '../notify/send-test-notice.ts';
import type { DeliveryQueue } from '../outbox/delivery-queue.ts';
import type { Outbox } from '../outbox/outbox.ts';
import { callError, quoteInput } from './call-error.ts';
import { channelMessage } from './channel-message.ts';
import { channelState } from './channel-state.ts';
import { readChannel } from './read-channel.ts';
import { reading } from './read-error.ts';
import { refusalError } from './refusal-error.ts';
import type { ServiceHandlers } from './service-handlers.ts';
import { writing } from './write-error.ts';

export type ChannelServiceOptions = {
  channels: ChannelBook;
  outbox: Pick<Outbox, 'state' | 'tryNow'>;
  deliveries: Pick<DeliveryQueue, 'stats'>;
  clock: Clock;
  newId: () => string;
};

/** The name of the requests' field that holds a channel; errors name its fields with it. */
const prefix = 'channel.';
/** Longest test, ms. */
const testLimitMs = 30_000;

/** ChannelService: the channels of the ChannelBook. */
export function channelService({
  channels,
  outbox,
  deliveries,
  clock,
  newId,
}: ChannelServiceOptions): ServiceHandlers<typeof ChannelService> {
  const messages = async (wanted: readonly KeptChannel[]) => {
    const waiting = await reading(deliveries.stats());
    return wanted.map((channel) => {
      const state = channelState(outbox.state(channel.name), waiting.channels.get(channel.name));
      return channelMessage(channel, { settings: channels.shownSettings(channel), state });
    });
  };
  const message = async (channel: KeptChannel) => (await messages([channel]))[0]!;

  const named = (name: string): KeptChannel => {
    const channel = channels.channel(name);
    if (channel) return channel;
    const problem = `name: no channel is called ${quoteInput(name)}`;
    throw callError({ code: Code.NotFound, message: problem, field: 'name' });
  };

  const change = async (wanted: Message | undefined, reading: { mode: ChannelChange['mode']; mask?: string[] }) => {
    // The proto's rules let no request pass without one.
    const read = readChannel(wanted!, { ...reading, prefix });
    if (!read.ok) throw read.error;
    const changed = await writing(channels.change(read.change));
    if (!changed.ok) throw refusalError(changed.refusal, prefix);
    return { channel: await message(changed.channel), created: changed.created };
  };

  return {
    async listChannels() {
      return { channels: await messages(channels.channels()) };
    },

    async getChannel({ name }) {
      return { channel: await message(named(name)) };
    },

    async createChannel({ channel }) {
      // One that is made has no etag yet, so it can be no condition.
      const { channel: made } = await change(channel && { ...channel, etag: '' }, { mode: 'create' });
      return { channel: made };
    },

    upsertChannel({ channel }) {
      return change(channel, { mode: 'upsert' });
    },

    async updateChannel({ channel, updateMask }) {
      const { channel: updated } = await change(channel, { mode: 'update', mask: updateMask?.paths ?? [] });
      return { channel: updated };
    },

    async deleteChannel({ name, etag }) {
      const refusal = await writing(channels.remove(name, { etag: etag === '' ? null : etag }));
      if (refusal) throw refusalError(refusal);
      return { name };
    },

    async testChannel({ name }, { signal }) {
      const { origin, spec } = named(name);
      const { notifier } = channels.get(name)!;
      const sent = await sendTestNotice({ notifier, clock, newId, limitMs: testLimitMs, signal });
      const { verdict, tookMs } = sent;
      const { detail, httpStatus = 0, answer = '' } = verdict;
      const told = { detail, httpStatus, latencySeconds: tookMs / 1000, answer };
      if (verdict.kind === 'ok') {
        await outbox.tryNow(name);
        return { ok: true, ...told };
      }
      const { reason } = verdict;
      return { ok: false, reason, ...told, advice: testAdvice(verdict, { name: targetOf(origin), kind: spec.kind }) };
    },
  };
}

/** What says where alerts of a channel go. */
function targetOf(origin: KeptChannel['origin']): string {
  return origin === 'settings' ? 'PING_ALERT_URI' : 'the channel';
}
