import t from 'tap';
import type { Notice } from '../../server/engine/domain/notice.ts';
import { alertNotifier } from '../../server/notify/alert-notifier.ts';
import { noticeText } from '../../server/notify/notice-text.ts';
import { WebhookNotifier } from '../../server/notify/webhook/webhook-notifier.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { downNotice } from './notifier-contract.ts';
import { portsForTests } from './ports-for-tests.ts';

const at = (time: string): number => Date.parse(`2026-03-14T${time}Z`);

const missed = downNotice(at('03:11:00'), {
  lastBeatMs: at('03:00:00'),
  dueMs: at('03:10:00'),
  deadlineMs: at('03:11:00'),
  downSinceMs: at('03:11:00'),
});
const failed: Notice = { ...missed, reason: 'failed', downSinceMs: at('03:05:30') };
const recovered: Partial<Notice> = { type: 'up', recoveredMs: at('03:20:00'), lastBeatMs: at('03:20:00') };
const blind = { fromMs: at('03:08:00'), toMs: at('03:09:00') };

t.test('every notice in plain words', async (t) => {
  const table: [Notice, string][] = [
    [missed, 'backup is DOWN: no ping since 2026-03-14 03:00:00 UTC, expected by 2026-03-14 03:11:00 UTC.'],
    [{ ...missed, lastBeatMs: null }, 'backup is DOWN: no ping, expected by 2026-03-14 03:11:00 UTC.'],
    [{ ...missed, lastBeatMs: null, deadlineMs: null }, 'backup is DOWN: no ping.'],
    [
      { ...missed, repeat: 2 },
      'backup is still DOWN, since 2026-03-14 03:11:00 UTC (reminder 2): no ping since 2026-03-14 03:00:00 UTC, ' +
        'expected by 2026-03-14 03:11:00 UTC.',
    ],
    [
      { ...missed, blind },
      'backup is DOWN: no ping since 2026-03-14 03:00:00 UTC, expected by 2026-03-14 03:11:00 UTC. ' +
        'Tocsin was not listening from 2026-03-14 03:08:00 UTC to 2026-03-14 03:09:00 UTC: ' +
        'pings of that time are unknown.',
    ],
    [failed, 'backup is DOWN: it reported a failure at 2026-03-14 03:05:30 UTC.'],
    [
      { ...failed, exitCode: 3, message: ' disk\n full ' },
      'backup is DOWN: it reported a failure with exit code 3 at 2026-03-14 03:05:30 UTC: disk full.',
    ],
    [
      { ...failed, exitCode: 0, message: 'it says so' },
      'backup is DOWN: it reported a failure at 2026-03-14 03:05:30 UTC: it says so.',
    ],
    [
      { ...missed, ...recovered },
      'backup is UP again: it was down from 2026-03-14 03:11:00 UTC to 2026-03-14 03:20:00 UTC.',
    ],
    [
      { ...missed, ...recovered, merged: true },
      'backup is UP again, but was DOWN from 2026-03-14 03:11:00 UTC to 2026-03-14 03:20:00 UTC: ' +
        'the ping came late, expected by 2026-03-14 03:11:00 UTC.',
    ],
    [
      { ...failed, reason: 'overran', message: 'the run 7 took longer than 30m' },
      'backup is DOWN: the run 7 took longer than 30m, at 2026-03-14 03:05:30 UTC.',
    ],
    [
      { ...failed, reason: 'overran', message: 'the run took longer than 30m', ...recovered, merged: true },
      'backup is UP again, but was DOWN from 2026-03-14 03:05:30 UTC to 2026-03-14 03:20:00 UTC: ' +
        'the run took longer than 30m, at 2026-03-14 03:05:30 UTC.',
    ],
    [
      { ...failed, reason: 'too_short', message: 'the run took 1.2 s, at least 1m is expected' },
      'backup is DOWN: the run took 1.2 s, at least 1m is expected, at 2026-03-14 03:05:30 UTC.',
    ],
    [
      { ...failed, reason: 'too_often', message: '' },
      'backup is DOWN: a run began too soon after the one before, at 2026-03-14 03:05:30 UTC.',
    ],
    [
      { ...missed, heldBy: 'router' },
      'backup is DOWN: no ping since 2026-03-14 03:00:00 UTC, expected by 2026-03-14 03:11:00 UTC. ' +
        'It depends on router, which was down: the alert waited for that.',
    ],
    [{ ...missed, type: 'test' }, 'This is a test alert of Tocsin, sent at 2026-03-14 03:11:00 UTC. Nothing is wrong.'],
  ];
  for (const [notice, text] of table) t.equal(noticeText(notice), text);
  const long = noticeText({ ...failed, message: '\u{1f514}'.repeat(5_000) });
  t.ok(long.endsWith(`${'\u{1f514}'.repeat(200)}….`), 'a long message is cut between characters');
});

t.test('without a URI alerts go to the log', async (t) => {
  const written: { level: string; message: string; details: object }[] = [];
  const write = (level: string) => (details: object, message: string) => void written.push({ level, message, details });
  const logger = { info: write('info'), warn: write('warn') };
  const ports = { ...portsForTests(new FakeClock()), logger };
  const options = { method: 'POST' as const, ports };
  const notifier = alertNotifier({ uri: null, ...options });
  const signal = new AbortController().signal;
  const notices: Notice[] = [missed, { ...missed, ...recovered }, { ...missed, ...recovered, merged: true }];
  for (const notice of notices) {
    t.match(await notifier.send({ id: 'msg_1', notices: [notice], attempt: 1, endedDigests: [] }, signal), {
      kind: 'ok',
    });
  }
  t.same(
    written.map(({ level, message }) => ({ level, message })),
    [
      { level: 'warn', message: noticeText(notices[0]!) },
      { level: 'info', message: noticeText(notices[1]!) },
      { level: 'warn', message: noticeText(notices[2]!) },
    ],
  );
  t.match(written[0]!.details, { alert: { id: 'msg_1', type: 'down', name: 'backup', incidentId: 'i-1' } });

  logger.warn = () => {
    throw new Error('the disk is full');
  };
  const verdict = await notifier.send({ id: 'msg_1', notices: [missed], attempt: 1, endedDigests: [] }, signal);
  t.match(verdict, { kind: 'retryable', reason: 'internal' }, 'it does not throw either');

  t.ok(alertNotifier({ uri: 'http://127.0.0.1:4001/hook', ...options }) instanceof WebhookNotifier);
});
