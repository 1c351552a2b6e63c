import t from 'tap';
import { discordKind } from '../../../server/notify/discord/discord-kind.ts';
import { type DiscordPayload, discordPayload } from '../../../server/notify/discord/discord-payload.ts';
import { noticeText } from '../../../server/notify/notice-text.ts';
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

const discord = {
  kind: discordKind,
  settings: (origin: string) => ({ url: `${origin}/api/webhooks/123456789/T0KEN-IN-PATH` }),
  secrets: ['T0KEN-IN-PATH', '123456789'],
};

kindContract(t, 'discord', discord);

t.test('what arrives', async (t) => {
  const settings = (origin: string) => ({ ...discord.settings(origin), mention: ' @here <@&12> ' });
  const { verdict, received } = await deliver(t, { ...discord, settings }, { notices: [down] });
  t.match(verdict, { kind: 'ok' });
  t.match(received, [{ method: 'POST' }]);
  t.equal(received[0]?.url, '/api/webhooks/123456789/T0KEN-IN-PATH?wait=true');
  t.same(received[0]?.json, {
    content: '@here <@&12>',
    allowed_mentions: { parse: ['everyone', 'roles', 'users'] },
    embeds: [
      {
        title: 'backup is DOWN',
        description: noticeText(down),
        color: 0xd32f2f,
        timestamp: '2026-03-14T03:11:01.000Z',
        fields: [
          { name: 'Severity', value: 'critical', inline: true },
          { name: 'Down since', value: '2026-03-14 03:11:00 UTC', inline: true },
          { name: 'Last ping', value: '2026-03-14 03:00:00 UTC', inline: true },
          { name: 'Schedule', value: 'every 10m', inline: true },
          { name: 'Tags', value: 'db, prod', inline: true },
        ],
      },
    ],
  });
});

t.test('every notice: title, colour, and whether somebody is mentioned', async (t) => {
  const table: [keyof typeof notices, title: string, color: number, mentions: boolean][] = [
    ['down', 'backup is DOWN', 0xd32f2f, true],
    ['reminder', 'backup is still DOWN', 0xd32f2f, true],
    ['flapping', 'backup is FLAPPING', 0xd32f2f, true],
    ['up', 'backup is UP again', 0x2e7d32, false],
    ['merged', 'backup is UP again, but was DOWN', 0x2e7d32, false],
    ['closed', 'The alert of backup is closed', 0x2e7d32, false],
    ['test', 'Test alert of Tocsin', 0x607d8b, false],
  ];
  for (const [name, title, color, mentions] of table) {
    const payload = discordPayload([notices[name]], { mention: '@everyone' });
    t.match(payload.embeds, [{ title, color, description: noticeText(notices[name]) }]);
    t.equal(payload.content, mentions ? '@everyone' : undefined, name);
    t.equal(payload.allowed_mentions.parse.length > 0, mentions, name);
  }
  const silent = discordPayload([down], { mention: '' });
  t.same(silent.allowed_mentions, { parse: [] });
  t.notOk('content' in silent);
});

t.test('nothing in a name is markup', async (t) => {
  const name = '@everyone <@&1> *b* _i_ ~s~ `c` |x| [a](b) # > \\';
  const payload = discordPayload([{ ...down, name, tags: ['*t*'] }], { mention: '@here' });
  const safe = '\\@everyone \\<\\@&1\\> \\*b\\* \\_i\\_ \\~s\\~ \\`c\\` \\|x\\| \\[a\\](b) \\# \\> \\\\ is DOWN';
  t.equal(payload.embeds[0].title, safe);
  t.ok(payload.embeds[0].description.startsWith(safe));
  t.match(payload.embeds[0].fields.at(-1), { value: '\\*t\\*' });
  t.equal(payload.content, '@here', 'what is mentioned has nothing of it');
});

t.test('the largest messages keep to the limits', async (t) => {
  const within = ({ embeds: [{ title, description, fields }] }: DiscordPayload): boolean => {
    const texts = [title, description, ...fields.flatMap(({ name, value }) => [name, value])];
    const total = texts.join('').length;
    return title.length <= 256 && description.length <= 4_096 && fields.length <= 25 && total <= 6_000;
  };
  for (const character of worstCharacters) {
    const digest = discordPayload(worstDigest(character), { mention: '' });
    t.ok(within(digest), character);
    t.match(digest.embeds[0].description, /\nand 9,99\d more$/);
    const { title } = discordPayload([worstNotice(character)], { mention: '' }).embeds[0];
    t.notMatch(title.replaceAll('\\\\', ''), '\\…', 'no escape is cut in half');
    t.ok(within(discordPayload([worstNotice(character)], { mention: '' })), character);
  }
});

t.test('settings', async (t) => {
  const url = 'https://discord.example/api/webhooks/1/2';
  t.same(discordKind.settings.parse({ url }), { url, mention: '' });
  t.match(problemsOf(discordKind, {}), [/^url: must be a URL/]);
  for (const mention of ['@here', '@everyone <@1>', '<@&1><@!2>', '']) {
    t.same(problemsOf(discordKind, { url, mention }), []);
  }
  for (const mention of ['here', '@ops', '<#1>', 'wake up @here']) {
    t.match(problemsOf(discordKind, { url, mention }), [/^mention: must be of @here/]);
  }
});
