import { Code } from '@connectrpc/connect';
import { type AlertService, DeliveryState } from '../../../gen/ts/tocsin/v1/alert_pb.ts';
import type { Clock } from '../../clock.ts';
import type { DeliveryLog, DeliveryRecord } from '../../outbox/delivery-log.ts';
import { callError, quoteInput } from '../call-error.ts';
import { readNumericPageToken, writePageToken } from '../page-token.ts';
import { problemError } from '../problem-error.ts';
import { reading } from '../read-error.ts';
import type { ServiceHandlers } from '../service-handlers.ts';
import { writing } from '../write-error.ts';
import { deliveryMessage, deliveryStates } from './delivery-message.ts';

const pageSizeDefault = 50;
/** Deliveries of one read: a digest with all its attempts can have 200 kB. */
const readAtOnce = 20;
/** A page ends with what fills it, some bytes. */
const pageBytesMax = 2_000_000;

type DeliveryCalls = Pick<ServiceHandlers<typeof AlertService>, 'listDeliveries' | 'getDelivery' | 'redeliver'>;

export type DeliveryCallsOptions = {
  deliveries: DeliveryLog;
  clock: Clock;
  /** Called when a delivery waits that did not. */
  onDeliveries: () => void;
};

/** What became of deliveries, and another try for those that were given up. */
export function deliveryCalls({ deliveries, clock, onDeliveries }: DeliveryCallsOptions): DeliveryCalls {
  return {
    async listDeliveries({ pageSize, pageToken, channel, states: wanted }) {
      const states = readStates(wanted);
      const scope = ['deliveries', channel, states];
      const beforeSeq = readNumericPageToken(scope, pageToken);
      const size = pageSize || pageSizeDefault;
      const page = await deliveriesPage(deliveries, {
        channel: channel === '' ? null : channel,
        states,
        beforeSeq,
        size,
      });
      return { deliveries: page.shown.map(deliveryMessage), nextPageToken: writePageToken(scope, page.next) };
    },

    async getDelivery({ id }) {
      return { delivery: deliveryMessage(await deliveryOf(deliveries, id)) };
    },

    async redeliver({ id }) {
      const became = await writing(deliveries.redeliver(id, clock.wallMs()));
      if (became === undefined) throw notFound(id);
      if (became === 'not_buried') {
        const message = notBuriedText(await deliveryOf(deliveries, id));
        throw callError({ code: Code.FailedPrecondition, message, field: 'id' });
      }
      onDeliveries();
      return { delivery: deliveryMessage(await deliveryOf(deliveries, id)) };
    },
  };
}

type Page = { shown: DeliveryRecord[]; next: number | null };
type Asked = { channel: string | null; states: DeliveryRecord['state'][]; beforeSeq: number | null; size: number };

async function deliveriesPage(log: DeliveryLog, { size, beforeSeq, ...filter }: Asked): Promise<Page> {
  const shown: DeliveryRecord[] = [];
  for (let bytes = 0, next = beforeSeq; ; ) {
    // One more than asked for tells whether there is a next page.
    const limit = Math.min(readAtOnce, size + 1 - shown.length);
    const found = await reading(log.list({ ...filter, beforeSeq: next, limit }));
    for (const delivery of found) {
      if (shown.length === size || bytes >= pageBytesMax) return { shown, next };
      shown.push(delivery);
      bytes += bytesOf(delivery);
      next = delivery.seq;
    }
    if (found.length < limit) return { shown, next: null };
  }
}

/** About, as it is on the wire. */
function bytesOf({ notices, attempts }: DeliveryRecord): number {
  let bytes = 200;
  for (const { name, message } of notices) bytes += 400 + name.length + Math.min(message.length, 200);
  for (const { detail, answer } of attempts) bytes += 200 + detail.length + answer.length;
  return bytes;
}

async function deliveryOf(log: DeliveryLog, id: string): Promise<DeliveryRecord> {
  const delivery = await reading(log.get(id));
  if (delivery) return delivery;
  throw notFound(id);
}

function notBuriedText({ state, attemptCount, nextAttemptMs }: DeliveryRecord): string {
  if (state === 'sent') return 'id: this delivery was sent already; only those that were given up can be redelivered';
  const again = attemptCount === 0 ? 'tried' : 'tried again';
  const next = nextAttemptMs === null ? '' : `, and is ${again} at ${new Date(nextAttemptMs).toISOString()}`;
  return `id: this delivery was not given up: it still waits${next}`;
}

function notFound(id: string) {
  return callError({ code: Code.NotFound, message: `id: there is no delivery ${quoteInput(id)}`, field: 'id' });
}

function readStates(wanted: readonly DeliveryState[]): DeliveryRecord['state'][] {
  if (wanted.includes(DeliveryState.UNSPECIFIED)) {
    const problem = 'must be pending, sent or buried each; leave it out for all';
    throw problemError({ field: 'states', problem, value: '' });
  }
  const names = Object.keys(deliveryStates) as DeliveryRecord['state'][];
  return names.filter((name) => wanted.includes(deliveryStates[name]));
}
