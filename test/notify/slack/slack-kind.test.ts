import t from 'tap';
import { noticeText } from '../../../server/notify/notice-text.ts';
import { slackKind } from '../../../server/notify/slack/slack-kind.ts';
import { type SlackPayload, slackPayload } from '../../../server/notify/slack/slack-payload.ts';
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

const slack = {
  kind: slackKind,
  settings: (origin: string) => ({ url: `${origin}/services/T0KEN-IN-PATH?key=T0KEN%20IN%20QUERY` }),
  secrets: ['T0KEN-IN-PATH', 'T0KEN%20IN%20QUERY', 'T0KEN IN QUERY'],
};

kindContract(t, 'slack', slack);

t.test('what arrives', async (t) => {
  const settings = (origin: string) => ({ ...slack.settings(origin), channel: '#ops', mention: '<!here>' });
  const { verdict, received } = await deliver(t, { ...slack, settings }, { notices: [down] });
  t.match(verdict, { kind: 'ok', httpStatus: 200 });
  t.match(received, [{ method: 'POST', headers: { 'content-type': 'application/json' } }]);
  t.equal(received[0]?.url, '/services/T0KEN-IN-PATH?key=T0KEN%20IN%20QUERY');
  t.same(received[0]?.json, {
    channel: '#ops',
    text: '<!here>',
    attachments: [
      {
        color: '#d32f2f',
        fallback: 'backup is DOWN',
        title: 'backup is DOWN',
        text: noticeText(down),
        fields: [
          { title: 'Severity', value: 'critical', short: true },
          { title: 'Down since', value: '2026-03-14 03:11:00 UTC', short: true },
          { title: 'Last ping', value: '2026-03-14 03:00:00 UTC', short: true },
          { title: 'Schedule', value: 'every 10m', short: true },
          { title: 'Tags', value: 'db, prod', short: true },
        ],
        mrkdwn_in: [],
      },
    ],
  });
});

t.test('every notice: title, colour, and whether somebody is mentioned', async (t) => {
  const table: [keyof typeof notices, title: string, color: string, mentions: boolean][] = [
    ['down', 'backup is DOWN', '#d32f2f', true],
    ['reminder', 'backup is still DOWN', '#d32f2f', true],
    ['flapping', 'backup is FLAPPING', '#d32f2f', true],
    ['up', 'backup is UP again', '#2e7d32', false],
    ['merged', 'backup is UP again, but was DOWN', '#2e7d32', false],
    ['closed', 'The alert of backup is closed', '#2e7d32', false],
    ['test', 'Test alert of Tocsin', '#607d8b', false],
  ];
  for (const [name, title, color, mentions] of table) {
    const { text, attachments } = slackPayload([notices[name]], { channel: '', mention: '<!here>' });
    t.match(attachments, [{ title, color, text: noticeText(notices[name]) }]);
    t.equal(text, mentions ? '<!here>' : undefined, name);
  }
  t.notOk('channel' in slackPayload([down], { channel: '', mention: '' }));
  t.notOk('text' in slackPayload([down], { channel: '', mention: '' }));
});

t.test('nothing in a name is markup, for Slack or for Mattermost', async (t) => {
  const name = '<!channel> & <@U1> @here [a](http://b) ![p](http://c)';
  const { attachments } = slackPayload([{ ...down, name, tags: ['<!here>'] }], { channel: '', mention: '' });
  const safe = '&lt;!channel&gt; &amp; &lt;@\u2060U1&gt; @\u2060here [a]\u2060(http://b) ![p]\u2060(http://c) is DOWN';
  t.match(attachments[0], { title: safe, fallback: safe });
  t.ok(attachments[0].text.startsWith(safe));
  t.match(attachments[0].fields.at(-1), { title: 'Tags', value: '&lt;!here&gt;' });
});

t.test('the largest messages keep to the limits', async (t) => {
  const within = ({ attachments: [{ title, text, fields }] }: SlackPayload): boolean =>
    title.length <= 300 && text.length <= 3_000 && fields.length <= 10 && fields.every((f) => f.value.length <= 2_000);
  for (const character of worstCharacters) {
    const digest = slackPayload(worstDigest(character), { channel: '', mention: '' });
    t.ok(within(digest), character);
    t.equal(digest.attachments[0].title, '10,000 monitors are DOWN');
    t.match(digest.attachments[0].text, /\nand 9,99\d more$/);
    t.ok(within(slackPayload([worstNotice(character)], { channel: '', mention: '' })), character);
  }
});

t.test('who says no with a 200', async (t) => {
  for (const text of ['{"ok":false,"error":"channel_not_found"}', '{"success":false,"error":"channel_not_found"}']) {
    const { verdict } = await deliver(t, slack, { notices: [down] }, [{ status: 200, text }]);
    t.match(verdict, { kind: 'retryable', reason: 'receiver', detail: /channel_not_found/, httpStatus: 200 });
  }
  const { verdict } = await deliver(t, slack, { notices: [down] }, [{ status: 200, text: '{"success":true}' }]);
  t.match(verdict, { kind: 'ok' });
  const echo = '{"ok":false,"error":"no T0KEN-IN-PATH"}';
  const hidden = (await deliver(t, slack, { notices: [down] }, [{ status: 200, text: echo }])).verdict;
  t.match(hidden, { reason: 'receiver', detail: /no \*\*\*$/ });
  t.notMatch(JSON.stringify(hidden), /T0KEN/);
  const gone = await deliver(t, slack, { notices: [down] }, [{ status: 410, text: 'channel_is_archived' }]);
  t.match(gone.verdict, { kind: 'permanent', reason: 'http_status', detail: /channel_is_archived/ });
});

t.test('settings', async (t) => {
  const url = 'https://hooks.example/services/1';
  t.same(slackKind.settings.parse({ url }), { url, channel: '', mention: '' });
  t.same(problemsOf(slackKind, {}), ['url: must be a URL that starts with http:// or https://']);
  for (const wrong of ['', 'ftp://a/b', 'https://', 'https://a b/c', 'hooks.example/services/1']) {
    const problem = 'url: must be a URL that starts with http:// or https://, without spaces';
    t.same(problemsOf(slackKind, { url: wrong }), [problem]);
  }
  t.same(problemsOf(slackKind, { url: 'https://a:S3CRET@b/c' }), ['url: must be a URL without user:password@']);
  t.match(problemsOf(slackKind, { url, channel: 'c'.repeat(257) }), [/^channel: /]);
  t.match(problemsOf(slackKind, { url, mention: 'c'.repeat(257) }), [/^mention: /]);
  t.match(problemsOf(slackKind, { url, other: 1 }), [/other/]);
});
