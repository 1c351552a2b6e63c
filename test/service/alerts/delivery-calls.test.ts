import { create } from '@bufbuild/protobuf';
import t from 'tap';
import {
  DeliveryState,
  GetDeliveryRequestSchema,
  ListDeliveriesRequestSchema,
  RedeliverRequestSchema,
} from '../../../gen/ts/tocsin/v1/alert_pb.ts';
import { makeNotice } from '../../../server/engine/domain/make-notice.ts';
import type { AttemptRecord, DeliveryLog, DeliveryRecord } from '../../../server/outbox/delivery-log.ts';
import { deliveryCalls } from '../../../server/service/alerts/delivery-calls.ts';
import type { CallContext } from '../../../server/service/call-context.ts';
import { StoreError } from '../../../server/store/store.ts';
import { monitorOf } from '../../engine/cast.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { failureOf } from '../service-under-test.ts';

const incident = { id: 'i-1', startedMs: 60_000, reason: 'missed' as const, message: '', exitCode: null };
const notice = makeNotice('down', { monitor: monitorOf({ name: 'job', incident }), incident, atMs: 61_000 });

const attempt: AttemptRecord = {
  number: 1,
  atMs: 62_000,
  latencyMs: 250,
  outcome: 'retryable',
  reason: 'http_status',
  detail: 'it answered 503',
  httpStatus: 503,
  answer: 'busy',
};

function deliveryOf(seq: number, fields: Partial<DeliveryRecord> = {}): DeliveryRecord {
  return {
    seq,
    id: `d-${seq}`,
    channel: 'ops',
    state: 'sent',
    createdMs: 61_000,
    settledMs: 63_000,
    nextAttemptMs: null,
    noticeCount: 1,
    notices: [notice],
    attemptCount: 1,
    attempts: [attempt],
    ...fields,
  };
}

/** The calls over a log in memory. */
function callsUnderTest(kept: DeliveryRecord[]) {
  const clock = new FakeClock(100_000);
  const asked: { limit: number; channel: string | null; states: readonly string[] }[] = [];
  let pokes = 0;
  const log: DeliveryLog = {
    async list({ channel, states, beforeSeq, limit }) {
      asked.push({ limit, channel, states });
      return kept
        .filter((each) => channel === null || each.channel === channel)
        .filter((each) => states.length === 0 || states.includes(each.state))
        .filter((each) => beforeSeq === null || each.seq < beforeSeq)
        .toSorted((a, b) => b.seq - a.seq)
        .slice(0, limit);
    },
    async get(id) {
      return kept.find((each) => each.id === id);
    },
    async redeliver(id, nowMs) {
      const index = kept.findIndex((each) => each.id === id);
      const delivery = kept[index];
      if (!delivery) return undefined;
      if (delivery.state !== 'buried') return 'not_buried';
      kept[index] = { ...delivery, state: 'pending', settledMs: null, nextAttemptMs: nowMs };
      return 'done';
    },
  };
  const calls = deliveryCalls({ deliveries: log, clock, onDeliveries: () => (pokes += 1) });
  const context = { signal: new AbortController().signal } as CallContext;
  return {
    log,
    asked,
    pokes: () => pokes,
    list: (fields: { pageSize?: number; pageToken?: string; channel?: string; states?: DeliveryState[] } = {}) =>
      calls.listDeliveries(create(ListDeliveriesRequestSchema, fields), context),
    get: (id: string) => calls.getDelivery(create(GetDeliveryRequestSchema, { id }), context),
    redeliver: (id: string) => calls.redeliver(create(RedeliverRequestSchema, { id }), context),
  };
}

t.test('a delivery says what it tells, and what became of it', async (t) => {
  const { get } = callsUnderTest([deliveryOf(1)]);
  t.match((await get('d-1')).delivery, {
    id: 'd-1',
    channel: 'ops',
    state: DeliveryState.SENT,
    createdAt: { seconds: 61n },
    settledAt: { seconds: 63n },
    nextAttemptAt: undefined,
    noticeCount: 1,
    notices: [{ type: 'down', name: 'job', incidentId: 'i-1', text: /^job is DOWN/, at: { seconds: 61n } }],
    attemptCount: 1,
    attempts: [
      {
        number: 1,
        at: { seconds: 62n },
        latencySeconds: 0.25,
        outcome: 'retryable',
        reason: 'http_status',
        detail: 'it answered 503',
        httpStatus: 503,
        answer: 'busy',
      },
    ],
  });
  t.match(await failureOf(get('none')), { code: 'NotFound', field: 'id', message: 'id: there is no delivery "none"' });
});

t.test('pages, newest first, while more come', async (t) => {
  const kept = Array.from({ length: 60 }, (_, index) => deliveryOf(index + 1));
  const { list, asked } = callsUnderTest(kept);
  const seen: string[] = [];
  for (let pageToken = '', isLast = false; !isLast; ) {
    const page = await list({ pageSize: 25, pageToken });
    seen.push(...page.deliveries!.map(({ id }) => id!));
    pageToken = page.nextPageToken!;
    isLast = pageToken === '';
    kept.push(deliveryOf(kept.length + 1));
  }
  t.same(
    seen,
    Array.from({ length: 60 }, (_, index) => `d-${60 - index}`),
  );
  t.ok(asked.every(({ limit }) => limit <= 20));
  const whole = await list({ pageSize: 63 });
  t.equal(whole.nextPageToken, '', 'the last page knows that it is');
  t.equal(whole.deliveries!.length, 63);
  t.equal((await list()).deliveries!.length, 50);
});

t.test('only some of them', async (t) => {
  const kept = [
    deliveryOf(1, { channel: 'boss', state: 'buried' }),
    deliveryOf(2, { state: 'pending' }),
    deliveryOf(3, { channel: 'boss' }),
  ];
  const { list } = callsUnderTest(kept);
  const idsOf = async (fields: Parameters<typeof list>[0]) => (await list(fields)).deliveries!.map(({ id }) => id);
  t.same(await idsOf({ channel: 'boss' }), ['d-3', 'd-1']);
  t.same(await idsOf({ states: [DeliveryState.BURIED, DeliveryState.PENDING] }), ['d-2', 'd-1']);
  const { nextPageToken: pageToken } = await list({ pageSize: 1, states: [DeliveryState.PENDING, DeliveryState.SENT] });
  t.same(await idsOf({ pageToken: pageToken!, states: [DeliveryState.SENT, DeliveryState.PENDING] }), ['d-2']);
  t.match(await failureOf(list({ pageToken: pageToken! })), { code: 'InvalidArgument', field: 'page_token' });
  t.match(await failureOf(list({ states: [DeliveryState.UNSPECIFIED] })), { code: 'InvalidArgument', field: 'states' });
});

t.test('a page ends at some 2 MB, and the next goes on from there', async (t) => {
  const attempts = Array.from({ length: 50 }, () => ({ ...attempt, answer: 'x'.repeat(2_000) }));
  const kept = Array.from({ length: 100 }, (_, index) => deliveryOf(index + 1, { attempts }));
  const { list } = callsUnderTest(kept);
  const seen: string[] = [];
  let pages = 0;
  for (let pageToken = '', isLast = false; !isLast; pages++) {
    const page = await list({ pageSize: 500, pageToken });
    t.ok(page.deliveries!.length * 100_000 < 2_200_000);
    seen.push(...page.deliveries!.map(({ id }) => id!));
    pageToken = page.nextPageToken!;
    isLast = pageToken === '';
  }
  t.equal(seen.length, 100);
  t.equal(new Set(seen).size, 100);
  t.equal(pages, 6);
});

t.test('one that was given up is sent once more', async (t) => {
  const { redeliver, pokes, log } = callsUnderTest([deliveryOf(1, { state: 'buried' })]);
  const { delivery } = await redeliver('d-1');
  t.match(delivery, { id: 'd-1', state: DeliveryState.PENDING, nextAttemptAt: { seconds: 100n } });
  t.equal(pokes(), 1);
  t.match(await failureOf(redeliver('d-1')), { code: 'FailedPrecondition', field: 'id' });
  t.match(await failureOf(redeliver('d-2')), { code: 'NotFound', field: 'id' });
  t.equal(pokes(), 1);
  log.redeliver = async () => {
    throw new StoreError('full', 'the disk is full');
  };
  t.match(await failureOf(redeliver('d-1')), {
    code: 'Unavailable',
    message: /could not record this, its disk is full/,
  });
});
