import t from 'tap';
import type { Notice } from '../../../server/engine/domain/notice.ts';
import { noticeText } from '../../../server/notify/notice-text.ts';
import { opsgenieKind } from '../../../server/notify/opsgenie/opsgenie-kind.ts';
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

const opsgenie = {
  kind: opsgenieKind,
  settings: (origin: string) => ({ apiKey: 'K3Y-OF-API', url: origin, teams: ['ops'] }),
  secrets: ['K3Y-OF-API'],
};
const accepted = { status: 202, text: '{"result":"Request will be processed","took":0.1}' } as const;

kindContract(t, 'opsgenie', opsgenie);

type Sent = { url: string; json: { alias?: string; message?: string; priority?: string; description?: string } };
const send = async (attempt: { notices: [Notice, ...Notice[]]; endedDigests?: string[] }): Promise<Sent[]> => {
  const { verdict, received } = await deliver(t, opsgenie, attempt, [accepted]);
  t.match(verdict, { kind: 'ok', httpStatus: 202 });
  for (const { method, headers } of received) {
    t.equal(method, 'POST');
    t.equal(headers.authorization, 'GenieKey K3Y-OF-API');
  }
  return received as Sent[];
};
const brief = (sent: Sent[]): string[] =>
  sent.map(({ url, json }) => (url === '/v2/alerts' ? `create ${json.alias} ${json.priority}` : url));
const closeUrl = (alias: string): string => `/v2/alerts/${alias}/close?identifierType=alias`;

t.test('what arrives', async (t) => {
  const [create] = await send({ notices: [down] });
  t.equal(create?.url, '/v2/alerts');
  t.same(create?.json, {
    message: 'backup is DOWN',
    alias: 'i-1',
    description: noticeText(down),
    responders: [{ name: 'ops', type: 'team' }],
    tags: ['db', 'prod'],
    details: {
      Severity: 'critical',
      'Down since': '2026-03-14 03:11:00 UTC',
      'Last ping': '2026-03-14 03:00:00 UTC',
      Schedule: 'every 10m',
      Tags: 'db, prod',
    },
    source: 'Tocsin',
    priority: 'P1',
  });
  const [close] = await send({ notices: [notices.up] });
  t.equal(close?.url, closeUrl('i-1'));
  t.same(close?.json, { source: 'Tocsin', note: noticeText(notices.up) });
});

t.test('the alert of each notice', async (t) => {
  const table: [keyof typeof notices, requests: string[]][] = [
    ['down', ['create i-1 P1']],
    ['reminder', ['create i-1 P1']],
    ['flapping', ['create i-1 P1']],
    ['up', [closeUrl('i-1')]],
    ['closed', [closeUrl('i-1')]],
    ['merged', ['create i-1 P5', closeUrl('i-1')]],
    ['test', ['create i-1 P5', closeUrl('i-1')]],
  ];
  for (const [name, requests] of table) t.same(brief(await send({ notices: [notices[name]] })), requests, name);
  for (const [severity, priority] of [
    ['error', 'P2'],
    ['warning', 'P3'],
    ['info', 'P5'],
  ] as const) {
    t.same(brief(await send({ notices: [{ ...down, severity }] })), [`create i-1 ${priority}`]);
  }
});

t.test('a digest has an alias of its own, and ends with the last of its monitors', async (t) => {
  const other = { ...down, name: 'other', incidentId: 'i-2' };
  t.match(await send({ notices: [down, other] }), [{ json: { alias: 'msg_1', message: '2 monitors are DOWN' } }]);
  const ended = await send({ notices: [notices.closed], endedDigests: ['msg/0'] });
  t.same(brief(ended).toSorted(), [closeUrl('i-1'), closeUrl('msg%2F0')]);
});

t.test('the largest alerts keep to the limits', async (t) => {
  for (const attempt of worstCharacters.flatMap((c) => [worstDigest(c), [worstNotice(c)] as [Notice]])) {
    const [create] = await send({ notices: attempt });
    const { message = '', description = '', ...rest } = create?.json ?? {};
    t.ok(message.length <= 130 && description.length <= 15_000);
    const { tags, details } = rest as { tags: string[]; details: object };
    t.ok(tags.length <= 20 && tags.every((tag) => tag.length <= 50));
    t.ok(JSON.stringify(details).length <= 8_000);
    t.notMatch(`${message}${description}`, /</, 'no HTML');
  }
});

t.test('settings', async (t) => {
  const apiKey = 'K3Y-OF-API';
  t.same(opsgenieKind.settings.parse({ apiKey }), { apiKey, url: 'https://api.opsgenie.com', teams: [] });
  t.match(problemsOf(opsgenieKind, {}), [/^apiKey: must be set/]);
  for (const wrong of ['', 'a b', 'a\n', 'é', 'a'.repeat(257)]) {
    t.same(problemsOf(opsgenieKind, { apiKey: wrong }), [
      'apiKey: must be a key of 1 to 256 characters without spaces',
    ]);
  }
  t.match(problemsOf(opsgenieKind, { apiKey, teams: ['ops', ''] }), [/^teams\.1: must not be empty/]);
  t.match(problemsOf(opsgenieKind, { apiKey, teams: Array(21).fill('a') }), [/^teams: must be up to 20/]);
  t.match(problemsOf(opsgenieKind, { apiKey, url: 'x' }), [/^url: /]);
});
