import fc from 'fast-check';
import t from 'tap';
import type { Notice } from '../../server/engine/domain/notice.ts';
import { alertText } from '../../server/notify/alert-text.ts';
import { noticeText } from '../../server/notify/notice-text.ts';
import { cutText, oneLine, utf8Bytes, utf16Units } from '../../server/notify/plain-text.ts';
import { downNotice } from './notifier-contract.ts';

const at = (time: string): number => Date.parse(`2026-03-14T${time}Z`);

const down = downNotice(at('03:11:00'), {
  lastBeatMs: at('03:00:00'),
  dueMs: at('03:10:00'),
  deadlineMs: at('03:11:00'),
  downSinceMs: at('03:11:00'),
});
const up: Notice = { ...down, type: 'up', recoveredMs: at('07:13:03'), lastBeatMs: at('07:13:03') };

t.test('one notice', async (t) => {
  const table: [Partial<Notice>, title: string, status: string][] = [
    [{}, 'backup is DOWN', 'firing'],
    [{ repeat: 3 }, 'backup is still DOWN', 'firing'],
    [{ type: 'flapping', flaps: 5 }, 'backup is FLAPPING', 'firing'],
    [up, 'backup is UP again', 'resolved'],
    [{ ...up, merged: true }, 'backup is UP again, but was DOWN', 'resolved'],
    [{ ...up, flaps: 5 }, 'backup is steady again, and UP', 'resolved'],
    [{ type: 'closed', message: 'it was paused' }, 'The alert of backup is closed', 'resolved'],
    [{ type: 'test' }, 'Test alert of Tocsin', 'info'],
  ];
  for (const [fields, title, status] of table) {
    const notice = { ...down, ...fields };
    t.match(alertText([notice]), { title, text: noticeText(notice), status, severity: 'critical' });
  }
});

t.test('facts for cards', async (t) => {
  t.same(alertText([{ ...up, tags: ['db', 'prod'], severity: 'warning' }]).facts, [
    { label: 'Severity', value: 'warning' },
    { label: 'Down since', value: '2026-03-14 03:11:00 UTC' },
    { label: 'Up since', value: '2026-03-14 07:13:03 UTC' },
    { label: 'Was down for', value: '4h 2m' },
    { label: 'Last ping', value: '2026-03-14 07:13:03 UTC' },
    { label: 'Schedule', value: 'every 10m' },
    { label: 'Tags', value: 'db, prod' },
  ]);
  const cron = { expression: '0 3 * * *', timeZone: 'Europe/Berlin' };
  t.same(alertText([{ ...down, cron, lastBeatMs: null }]).facts, [
    { label: 'Severity', value: 'critical' },
    { label: 'Down since', value: '2026-03-14 03:11:00 UTC' },
    { label: 'Last ping', value: 'never' },
    { label: 'Schedule', value: '0 3 * * * (Europe/Berlin)' },
  ]);
  t.same(alertText([{ ...down, type: 'test' }]).facts, [], 'a test has none');
  const durations: [ms: number, text: string][] = [
    [0, '0s'],
    [-5_000, '0s'],
    [59_000, '59s'],
    [3_600_000, '1h'],
    [90_061_000, '1D 1h'],
  ];
  for (const [ms, text] of durations) {
    const { facts } = alertText([{ ...up, recoveredMs: up.downSinceMs + ms }]);
    t.equal(facts.find(({ label }) => label === 'Was down for')?.value, text);
  }
});

t.test('a digest says how many, and names the worst first', async (t) => {
  const notices: [Notice, ...Notice[]] = [
    { ...down, name: 'later', downSinceMs: at('03:12:00') },
    { ...down, name: 'minor', severity: 'info' },
    { ...down, name: 'shaky', type: 'flapping', flaps: 4, severity: 'error' },
    { ...up, name: 'fine' },
    { ...down, name: 'first' },
    { ...down, name: 'done', type: 'closed', message: 'it was removed' },
  ];
  const { title, text, status, severity, facts } = alertText(notices);
  t.equal(title, '3 monitors are DOWN, 1 FLAPPING, 1 UP again, 1 closed');
  t.same(text.split('\n'), [
    `• [critical] ${noticeText({ ...down, name: 'first' })}`,
    `• [critical] ${noticeText(notices[0])}`,
    `• [error] ${noticeText(notices[2]!)}`,
    `• [info] ${noticeText(notices[1]!)}`,
    `• ${noticeText(notices[5]!)}`,
    `• ${noticeText(notices[3]!)}`,
  ]);
  t.equal(status, 'firing');
  t.equal(severity, 'critical');
  t.same(facts, [
    { label: 'Now critical', value: '2' },
    { label: 'Now error', value: '1' },
    { label: 'Now info', value: '1' },
  ]);

  const over = alertText([
    { ...up, name: 'a', severity: 'warning' },
    { ...up, name: 'b', severity: 'info' },
  ]);
  t.match(over, { title: '2 monitors are UP again', status: 'resolved', severity: 'warning', facts: [] });
  t.match(
    alertText([
      { ...down, name: 'a' },
      { ...up, name: 'b' },
    ]),
    { title: '1 monitor is DOWN, 1 UP again' },
  );
  const closed = (name: string): Notice => ({ ...down, name, type: 'closed' });
  t.match(alertText([closed('a'), closed('b')]), { title: '2 alerts are closed', status: 'resolved' });
  t.match(
    alertText([
      { ...down, type: 'test', name: 'a' },
      { ...down, type: 'test', name: 'b' },
    ]),
    { status: 'info' },
  );
  t.match(
    alertText([
      { ...down, name: 'a', severity: 'info' },
      { ...up, name: 'b' },
    ]),
    { severity: 'info' },
    'what is over does not make it worse',
  );
});

t.test('of several notices of one monitor the last counts', async (t) => {
  t.same(alertText([down, up]), alertText([up]));
  t.same(alertText([down, { ...down, repeat: 1 }, { ...down, name: 'other' }]).title, '2 monitors are DOWN');
});

t.test('a digest of 10,000 names 20', async (t) => {
  const downs = Array.from({ length: 10_000 }, (_, index) => ({ ...down, name: `job ${index}` }));
  const ups = Array.from({ length: 4 }, (_, index) => ({ ...up, name: `ok ${index}` }));
  const { title, text, facts } = alertText([down, ...downs, ...ups]);
  t.equal(title, '10,001 monitors are DOWN, 4 UP again');
  const lines = text.split('\n');
  t.equal(lines.length, 21);
  t.equal(lines.at(-1), 'and 9,985 more');
  t.same(facts, [{ label: 'Now critical', value: '10,001' }]);

  const tight = alertText([down, ...downs], { max: 500, size: utf16Units }).text;
  t.ok(tight.length <= 500 && tight.length > 350, `${tight.length}`);
  t.match(tight, /UTC\.\nand 9,99\d more$/, 'cut between lines, and counted anew');
  const [shown, omitted] = [tight.split('\n').length - 1, Number(/(\d+),(\d+) more/.exec(tight)?.slice(1).join(''))];
  t.equal(shown + omitted, 10_001);
});

t.test('a name cannot take the room of the others', async (t) => {
  const names = Array.from({ length: 10_000 }, (_, index) => `${index}${'&'.repeat(250)}`);
  const [first = down, ...rest] = names.map((name) => ({ ...down, name, heldBy: name, message: '&'.repeat(200) }));
  const size = (text: string): number => text.replaceAll('&', '&amp;').length;
  for (const max of [300, 1_000, 3_000]) {
    const { text } = alertText([first, ...rest], { max, size });
    t.ok(size(text) <= max);
    t.ok(text.split('\n').length >= 4, `${text.split('\n').length} lines`);
    t.match(text, /…\nand 9,99\d more$/);
  }
});

t.test('names and messages stay in their line, whatever is in them', async (t) => {
  const name = 'a\u202eb\u0000\r\nc\ud800\u2066';
  const { title, text, facts } = alertText([{ ...down, name, tags: ['x\ny'], reason: 'failed', message: 'm\n\nn' }]);
  t.equal(title, 'ab c\ufffd is DOWN');
  t.match(text, /^ab c\ufffd is DOWN: .*: m n\.$/);
  t.same(facts.at(-1), { label: 'Tags', value: 'x y' });
  t.equal(oneLine('👩‍👩‍👧  مرحبا'), '👩‍👩‍👧 مرحبا', 'joiners and scripts stay');
});

t.test('texts fit, and characters stay whole', async () => {
  const notice = fc.record({
    name: fc.string({ unit: 'binary', minLength: 1, maxLength: 80 }),
    message: fc.string({ unit: 'binary', maxLength: 250 }),
    type: fc.constantFrom<Notice['type'][]>('down', 'up', 'closed', 'flapping', 'test'),
  });
  const room = fc.constantFrom(
    { size: utf16Units, max: 130 },
    { size: utf16Units, max: 3_000 },
    { size: utf8Bytes, max: 4_096 },
    { size: utf8Bytes, max: 0 },
  );
  fc.assert(
    fc.property(fc.array(notice, { minLength: 1, maxLength: 25 }), room, (fields, { size, max }) => {
      const [first = down, ...rest] = fields.map((some) => ({ ...down, reason: 'failed' as const, ...some }));
      const { title, text } = alertText([first, ...rest], { size, max });
      return size(text) <= max && text.isWellFormed() && title.isWellFormed() && !/[\r\n]/.test(title);
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.nat(40), (text, max) => {
      const cut = cutText(text, max, utf8Bytes);
      if (utf8Bytes(text) <= max) return cut === text;
      return utf8Bytes(cut) <= max && cut.isWellFormed() && (cut === '' || text.startsWith(cut.slice(0, -1)));
    }),
  );
});
