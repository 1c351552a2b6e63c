import t from 'tap';
import { noticeText } from '../../../server/notify/notice-text.ts';
import { telegramKind, telegramMessage } from '../../../server/notify/telegram/telegram-kind.ts';
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

const telegram = {
  kind: telegramKind,
  settings: (origin: string) => ({ botToken: '123456:T0KEN-OF_BOT', chatId: '-100123', url: `${origin}/` }),
  secrets: ['T0KEN-OF_BOT'],
};

kindContract(t, 'telegram', telegram);

t.test('what arrives', async (t) => {
  const { verdict, received } = await deliver(t, telegram, { notices: [down] }, [{ status: 200, text: '{"ok":true}' }]);
  t.match(verdict, { kind: 'ok' });
  t.match(received, [{ method: 'POST' }]);
  t.equal(received[0]?.url, '/bot123456:T0KEN-OF_BOT/sendMessage');
  t.same(received[0]?.json, {
    chat_id: '-100123',
    text: `🔴 backup is DOWN\n${noticeText(down)}`,
    link_preview_options: { is_disabled: true },
  });
});

t.test('every notice', async (t) => {
  const table: [keyof typeof notices, title: string][] = [
    ['down', '🔴 backup is DOWN'],
    ['reminder', '🔴 backup is still DOWN'],
    ['flapping', '🔴 backup is FLAPPING'],
    ['up', '🟢 backup is UP again'],
    ['merged', '🟢 backup is UP again, but was DOWN'],
    ['closed', '🟢 The alert of backup is closed'],
    ['test', '⚪ Test alert of Tocsin'],
  ];
  for (const [name, title] of table) {
    t.equal(telegramMessage([notices[name]], '1').text, `${title}\n${noticeText(notices[name])}`);
  }
  for (const [severity, emoji] of [
    ['error', '🟠'],
    ['warning', '🟡'],
    ['info', '🔵'],
  ] as const) {
    t.ok(telegramMessage([{ ...down, severity }], '1').text.startsWith(emoji));
  }
});

t.test('a name mentions nobody', async (t) => {
  const message = telegramMessage([{ ...down, name: '@bob <b>x</b> *y*' }], '1');
  t.notMatch(message.text, /@\w/);
  t.match(message.text, '@\u2060bob <b>x</b> *y* is DOWN');
  t.notOk('parse_mode' in message);
});

t.test('the largest messages keep to the limit', async (t) => {
  for (const character of worstCharacters) {
    const digest = telegramMessage(worstDigest(character), '1').text;
    t.ok(digest.length <= 4_096, character);
    t.match(digest, /^🔴 10,000 monitors are DOWN\n• .*\nand 9,9\d\d more$/s);
    t.ok(telegramMessage([worstNotice(character)], '1').text.length <= 4_096, character);
  }
});

t.test('what Telegram says is wrong', async (t) => {
  const answer = async (status: number, body: object) =>
    (await deliver(t, telegram, { notices: [down] }, [{ status, text: JSON.stringify(body) }])).verdict;
  t.match(
    await answer(429, { ok: false, error_code: 429, description: 'Too Many Requests', parameters: { retry_after: 7 } }),
    {
      kind: 'retryable',
      reason: 'http_status',
      httpStatus: 429,
      retryAfterMs: 7_000,
      detail: 'HTTP 429: Too Many Requests',
    },
  );
  for (const parameters of [
    undefined,
    null,
    {},
    { retry_after: 'soon' },
    { retry_after: -1 },
    { retry_after: 1e300 },
  ]) {
    const verdict = await answer(429, { ok: false, description: 'Too Many Requests', parameters });
    t.match(verdict, { kind: 'retryable', reason: 'http_status', httpStatus: 429 });
    t.equal(verdict.kind !== 'ok' && verdict.retryAfterMs, undefined);
  }
  const echo = { ok: false, description: 'wait, T0KEN-OF_BOT', parameters: { retry_after: 7 } };
  t.match(await answer(429, echo), { detail: 'HTTP 429: wait, ***', retryAfterMs: 7_000 });
  t.match(await answer(403, { ok: false, description: 'Forbidden: bot was kicked' }), {
    kind: 'retryable',
    reason: 'http_status',
    detail: /bot was kicked/,
  });
  t.match(await answer(200, { ok: false, description: 'no' }), {
    kind: 'retryable',
    reason: 'receiver',
    detail: /no$/,
  });
});

t.test('settings', async (t) => {
  const valid = { botToken: '123456:T0KEN-OF_BOT', chatId: '@ops_room' };
  t.same(telegramKind.settings.parse(valid), { ...valid, url: 'https://api.telegram.org' });
  t.equal(telegramKind.settings.parse({ ...valid, url: 'http://a/b//' }).url, 'http://a/b');
  t.match(problemsOf(telegramKind, {}), [/^botToken: must be set/, /^chatId: must be set/]);
  for (const botToken of ['', 'S3CRET', '123456:', '123456:T0KEN/OF BOT']) {
    t.same(problemsOf(telegramKind, { ...valid, botToken }), [
      'botToken: must be the token of a bot, such as 123456:ABC-DEF',
    ]);
  }
  for (const chatId of ['', 'ops', '@a', '1.5']) t.match(problemsOf(telegramKind, { ...valid, chatId }), [/^chatId: /]);
  t.match(problemsOf(telegramKind, { ...valid, url: 'api.telegram.org' }), [/^url: must be a URL/]);
  t.match(problemsOf(telegramKind, { ...valid, url: 'https://a/b?c' }), [/^url: .*without query/]);
});
