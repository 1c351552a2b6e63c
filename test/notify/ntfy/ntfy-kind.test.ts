import t from 'tap';
import { noticeText } from '../../../server/notify/notice-text.ts';
import { ntfyKind, ntfyMessage } from '../../../server/notify/ntfy/ntfy-kind.ts';
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

const ntfy = {
  kind: ntfyKind,
  settings: (origin: string) => ({ topic: 'ops', url: `${origin}/`, token: 'tk_T0KEN' }),
  secrets: ['tk_T0KEN'],
};

kindContract(t, 'ntfy', ntfy);

t.test('what arrives', async (t) => {
  const { verdict, received } = await deliver(t, ntfy, { notices: [down] });
  t.match(verdict, { kind: 'ok' });
  t.match(received, [{ method: 'POST', headers: { authorization: 'Bearer tk_T0KEN' } }]);
  t.equal(received[0]?.url, '/', 'the root, not the topic');
  t.same(received[0]?.json, {
    topic: 'ops',
    title: 'backup is DOWN',
    message: noticeText(down),
    priority: 5,
    tags: ['rotating_light'],
  });
  const open = { ...ntfy, settings: (origin: string) => ({ topic: 'ops', url: origin }) };
  t.notOk('authorization' in ((await deliver(t, open, { notices: [down] })).received[0]?.headers ?? {}));
});

t.test('every notice: title, priority and tag', async (t) => {
  const table: [keyof typeof notices, title: string, priority: number, tag: string][] = [
    ['down', 'backup is DOWN', 5, 'rotating_light'],
    ['reminder', 'backup is still DOWN', 5, 'rotating_light'],
    ['flapping', 'backup is FLAPPING', 5, 'rotating_light'],
    ['up', 'backup is UP again', 3, 'white_check_mark'],
    ['merged', 'backup is UP again, but was DOWN', 3, 'white_check_mark'],
    ['closed', 'The alert of backup is closed', 3, 'white_check_mark'],
    ['test', 'Test alert of Tocsin', 3, 'information_source'],
  ];
  for (const [name, title, priority, tag] of table) {
    t.match(ntfyMessage([notices[name]], 'ops'), { title, priority, tags: [tag], message: noticeText(notices[name]) });
  }
  for (const [severity, priority] of [
    ['error', 4],
    ['warning', 3],
    ['info', 2],
  ] as const) {
    t.match(ntfyMessage([{ ...down, severity }], 'ops'), { priority });
  }
});

t.test('the largest messages keep to the limits', async (t) => {
  for (const character of worstCharacters) {
    const digest = ntfyMessage(worstDigest(character), 'ops');
    t.match(digest.message, /\nand 9,99\d more$/);
    for (const message of [digest, ntfyMessage([worstNotice(character)], 'ops')]) {
      t.ok(Buffer.byteLength(message.message) < 4_096, character);
      t.ok(Buffer.byteLength(JSON.stringify(message)) < 8_192, character);
    }
  }
});

t.test('settings', async (t) => {
  t.same(ntfyKind.settings.parse({ topic: 'ops' }), { topic: 'ops', url: 'https://ntfy.sh', token: '' });
  t.same(problemsOf(ntfyKind, {}), ['topic: must be set: 1 to 64 letters, digits, _ and -']);
  for (const topic of ['', 'a b', 'a/b', 'a'.repeat(65)]) t.match(problemsOf(ntfyKind, { topic }), [/^topic: /]);
  t.match(problemsOf(ntfyKind, { topic: 'ops', url: 'ntfy.sh' }), [/^url: /]);
  t.same(problemsOf(ntfyKind, { topic: 'ops', token: 'S3CRET\n' }), [
    'token: must be an access token of up to 256 characters without spaces',
  ]);
});
