import t from 'tap';
import type { Notice } from '../../../server/engine/domain/notice.ts';
import { noticeText } from '../../../server/notify/notice-text.ts';
import { pagerDutyKind } from '../../../server/notify/pagerduty/pagerduty-kind.ts';
import {
  deliver,
  down,
  kindContract,
  notices,
  problemsOf,
  worstCharacters,
  worstDigest,
  worstNotice,
} from '../kind-under-test.ts';

const routingKey = '0123456789abcdef0123456789ABCDEF';
const pagerDuty = {
  kind: pagerDutyKind,
  settings: (origin: string) => ({ routingKey, url: `${origin}/v2/enqueue` }),
  secrets: [routingKey],
};
const accepted = { status: 202, text: '{"status":"success","message":"Event processed"}' } as const;

kindContract(t, 'pagerduty', pagerDuty);

type Event = { event_action: string; dedup_key: string; payload?: { summary: string; severity: string } };
const send = async (attempt: { notices: [Notice, ...Notice[]]; endedDigests?: string[] }): Promise<Event[]> => {
  const { verdict, received } = await deliver(t, pagerDuty, attempt, [accepted]);
  t.match(verdict, { kind: 'ok', httpStatus: 202 });
  for (const { method, url } of received) t.equal(`${method} ${url}`, 'POST /v2/enqueue');
  return received.map(({ json }) => json as Event);
};
const brief = (events: Event[]): string[] =>
  events.map(({ event_action, dedup_key, payload }) =>
    `${event_action} ${dedup_key} ${payload?.severity ?? ''}`.trim(),
  );

t.test('what arrives', async (t) => {
  t.same(await send({ notices: [down] }), [
    {
      routing_key: routingKey,
      event_action: 'trigger',
      dedup_key: 'i-1',
      client: 'Tocsin',
      payload: {
        summary: 'backup is DOWN',
        source: 'backup',
        severity: 'critical',
        timestamp: '2026-03-14T03:11:00.000Z',
        custom_details: {
          text: noticeText(down),
          Severity: 'critical',
          'Down since': '2026-03-14 03:11:00 UTC',
          'Last ping': '2026-03-14 03:00:00 UTC',
          Schedule: 'every 10m',
          Tags: 'db, prod',
        },
      },
    },
  ]);
  t.same(await send({ notices: [notices.up] }), [
    { routing_key: routingKey, event_action: 'resolve', dedup_key: 'i-1' },
  ]);
});

t.test('the incident of each notice', async (t) => {
  const table: [keyof typeof notices, events: string[]][] = [
    ['down', ['trigger i-1 critical']],
    ['reminder', ['trigger i-1 critical']],
    ['flapping', ['trigger i-1 critical']],
    ['up', ['resolve i-1']],
    ['closed', ['resolve i-1']],
    ['merged', ['trigger i-1 info', 'resolve i-1']],
    ['test', ['trigger i-1 info', 'resolve i-1']],
  ];
  for (const [name, events] of table) t.same(brief(await send({ notices: [notices[name]] })), events, name);
  for (const severity of ['error', 'warning', 'info'] as const) {
    t.same(brief(await send({ notices: [{ ...down, severity }] })), [`trigger i-1 ${severity}`]);
  }
  t.same(brief(await send({ notices: [{ ...notices.test, incidentId: '' }] })), [
    'trigger msg_1 info',
    'resolve msg_1',
  ]);
});

t.test('a digest has a key of its own, and ends with the last of its monitors', async (t) => {
  const other = { ...down, name: 'other', incidentId: 'i-2' };
  t.match(await send({ notices: [down, other] }), [
    { event_action: 'trigger', dedup_key: 'msg_1', payload: { summary: '2 monitors are DOWN', source: 'tocsin' } },
  ]);
  const ended = await send({ notices: [notices.up], endedDigests: ['msg_0', 'msg_9'] });
  t.same(brief(ended).toSorted(), ['resolve i-1', 'resolve msg_0', 'resolve msg_9']);
  const over = await send({ notices: [notices.up, { ...notices.up, name: 'other' }] });
  t.same(brief(over), ['trigger msg_1 info', 'resolve msg_1'], 'one in which all is over leaves nothing open');
});

t.test('it arrived when every event was taken', async (t) => {
  const no = { status: 500, text: 'no' };
  const attempt = { notices: [notices.up] as const, endedDigests: ['msg_0'] };
  const second = await deliver(t, pagerDuty, attempt, [accepted, no]);
  t.match(second.verdict, { kind: 'retryable', reason: 'http_status', httpStatus: 500 });
  const first = await deliver(t, pagerDuty, { notices: [notices.merged] }, [no, accepted]);
  t.match(first.verdict, { kind: 'retryable', httpStatus: 500 });
  t.equal(first.received.length, 1, 'nothing is resolved that was not triggered');
});

t.test('the largest events keep to the limits', async (t) => {
  for (const attempt of worstCharacters.flatMap((c) => [worstDigest(c), [worstNotice(c)] as [Notice]])) {
    const [event] = await send({ notices: attempt });
    t.ok((event?.payload?.summary.length ?? 0) <= 1_024);
    t.ok(Buffer.byteLength(JSON.stringify(event)) < 50_000);
  }
});

t.test('settings', async (t) => {
  const url = 'https://events.pagerduty.com/v2/enqueue';
  t.same(pagerDutyKind.settings.parse({ routingKey }), { routingKey, url });
  t.same(pagerDutyKind.settings.parse({ routingKey, url: '' }), { routingKey, url });
  t.match(problemsOf(pagerDutyKind, {}), [/^routingKey: must be set/]);
  for (const wrong of ['', 'S3CRET', `${routingKey}0`, routingKey.replace('0', '-')]) {
    t.same(problemsOf(pagerDutyKind, { routingKey: wrong }), [
      'routingKey: must be the integration key of a service: 32 letters and digits',
    ]);
  }
  t.match(problemsOf(pagerDutyKind, { routingKey, url: 'events' }), [/^url: /]);
});
