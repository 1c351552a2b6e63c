import t from 'tap';
import { noticeText } from '../../../server/notify/notice-text.ts';
import { teamsKind } from '../../../server/notify/teams/teams-kind.ts';
import { teamsPayload } from '../../../server/notify/teams/teams-payload.ts';
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

const teams = {
  kind: teamsKind,
  settings: (origin: string) => ({ url: `${origin}/workflows/T0KEN-IN-PATH?sig=T0KEN-IN-QUERY` }),
  secrets: ['T0KEN-IN-PATH', 'T0KEN-IN-QUERY'],
};

kindContract(t, 'teams', teams);

const titleOf = (payload: ReturnType<typeof teamsPayload>) => payload.attachments[0].content.body[0]?.inlines[0];

t.test('what arrives', async (t) => {
  const { verdict, received } = await deliver(t, teams, { notices: [down] }, [{ status: 202, text: '' }]);
  t.match(verdict, { kind: 'ok', httpStatus: 202 });
  t.match(received, [{ method: 'POST' }]);
  t.equal(received[0]?.url, '/workflows/T0KEN-IN-PATH?sig=T0KEN-IN-QUERY');
  const line = (...inlines: object[]): object => ({ type: 'RichTextBlock', spacing: 'small', inlines });
  const fact = (label: string, text: string): object =>
    line({ type: 'TextRun', text: `${label}: `, weight: 'bolder' }, { type: 'TextRun', text });
  t.same(received[0]?.json, {
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        contentUrl: null,
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.4',
          body: [
            line({ type: 'TextRun', text: 'backup is DOWN', weight: 'bolder', size: 'large', color: 'attention' }),
            line({ type: 'TextRun', text: noticeText(down) }),
            fact('Severity', 'critical'),
            fact('Down since', '2026-03-14 03:11:00 UTC'),
            fact('Last ping', '2026-03-14 03:00:00 UTC'),
            fact('Schedule', 'every 10m'),
            fact('Tags', 'db, prod'),
          ],
          msteams: { width: 'full' },
        },
      },
    ],
  });
});

t.test('every notice: title and colour', async (t) => {
  const table: [keyof typeof notices, title: string, color: string][] = [
    ['down', 'backup is DOWN', 'attention'],
    ['reminder', 'backup is still DOWN', 'attention'],
    ['flapping', 'backup is FLAPPING', 'attention'],
    ['up', 'backup is UP again', 'good'],
    ['merged', 'backup is UP again, but was DOWN', 'good'],
    ['closed', 'The alert of backup is closed', 'good'],
    ['test', 'Test alert of Tocsin', 'default'],
  ];
  for (const [name, text, color] of table) t.match(titleOf(teamsPayload([notices[name]])), { text, color });
  t.match(titleOf(teamsPayload([{ ...down, severity: 'warning' }])), { color: 'warning' });
  t.match(titleOf(teamsPayload([{ ...down, severity: 'info' }])), { color: 'accent' });
});

t.test('all text is in text runs, of which none mentions anybody', async (t) => {
  const name = '<at>everybody</at> **b** [a](b)';
  const { content } = teamsPayload([{ ...down, name }]).attachments[0];
  t.notOk('entities' in content.msteams);
  t.ok(
    content.body.every(({ type, inlines }) => type === 'RichTextBlock' && inlines.every((i) => i.type === 'TextRun')),
  );
  t.match(content.body[0]?.inlines[0], { text: `${name} is DOWN` });
});

t.test('the largest messages keep to the limit', async (t) => {
  for (const character of worstCharacters) {
    const digest = teamsPayload(worstDigest(character));
    t.ok(Buffer.byteLength(JSON.stringify(digest)) < 14_000, character);
    t.match(titleOf(digest), { text: '10,000 monitors are DOWN' });
    t.ok(digest.attachments[0].content.body.some(({ inlines }) => /^and 9,9\d\d more$/.test(inlines[0]?.text ?? '')));
    t.ok(Buffer.byteLength(JSON.stringify(teamsPayload([worstNotice(character)]))) < 14_000, character);
  }
});

t.test('a connector that says no with a 200', async (t) => {
  const text = 'Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429';
  const { verdict } = await deliver(t, teams, { notices: [down] }, [{ status: 200, text }]);
  t.match(verdict, { kind: 'retryable', reason: 'receiver', detail: /HTTP error 429/, httpStatus: 200 });
  t.match((await deliver(t, teams, { notices: [down] }, [{ status: 200, text: '1' }])).verdict, { kind: 'ok' });
});

t.test('settings', async (t) => {
  t.same(teamsKind.settings.parse({ url: 'https://a.example/b' }), { url: 'https://a.example/b' });
  t.match(problemsOf(teamsKind, { url: 'a.example/b' }), [/^url: must be a URL/]);
});
