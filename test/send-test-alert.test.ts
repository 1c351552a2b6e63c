import t from 'tap';
import type { Attempt, Verdict } from '../server/notify/notifier.ts';
import { sendTestAlert } from '../server/send-test-alert.ts';
import { FakeClock } from './support/fake-clock.ts';

async function send(verdict: Verdict): Promise<{ ok: boolean; text: string; attempts: Attempt[] }> {
  const clock = new FakeClock();
  const attempts: Attempt[] = [];
  const notifier = {
    send: async (attempt: Attempt): Promise<Verdict> => {
      attempts.push(attempt);
      clock.stall(37);
      return verdict;
    },
  };
  const { ok, lines } = await sendTestAlert({ notifier, clock, newId: () => 'id-1' });
  return { ok, text: lines.join('\n'), attempts };
}

t.test('sends one notice that says it is a test', async (t) => {
  const { ok, text, attempts } = await send({ kind: 'ok', detail: 'HTTP 204', httpStatus: 204 });
  t.equal(ok, true);
  t.equal(text, 'The test alert was delivered: HTTP 204, after 37 ms.');
  t.match(attempts, [{ id: 'id-1', attempt: 1, notices: [{ type: 'test', name: 'tocsin-test' }] }]);
});

t.test('says what went wrong and what to do', async (t) => {
  const table: [Verdict, RegExp][] = [
    [{ kind: 'retryable', reason: 'network', detail: 'connection refused' }, /NOT.*refused.*37 ms.*again.*port/s],
    [{ kind: 'retryable', reason: 'dns', detail: 'x' }, /host name/],
    [{ kind: 'retryable', reason: 'tls', detail: 'x' }, /certificate/],
    [{ kind: 'retryable', reason: 'timeout', detail: 'x' }, /10 seconds/],
    [{ kind: 'retryable', reason: 'redirect', detail: 'x' }, /redirects to/],
    [
      { kind: 'retryable', reason: 'http_status', detail: 'HTTP 404: nobody here' },
      /404: nobody here.*address.*signing secret/s,
    ],
    [{ kind: 'permanent', reason: 'http_status', detail: 'HTTP 410' }, /wants no more/],
    [{ kind: 'retryable', reason: 'protocol', detail: 'x' }, /HTTP/],
    [{ kind: 'retryable', reason: 'refused_address', detail: 'x' }, /TOCSIN_EGRESS_ALLOW/],
    [{ kind: 'retryable', reason: 'no_channel', detail: 'x' }, /PING_ALERT_URI/],
    [{ kind: 'retryable', reason: 'aborted', detail: 'x' }, /again/],
    [{ kind: 'retryable', reason: 'internal', detail: 'x' }, /fault/],
  ];
  for (const [verdict, pattern] of table) {
    const { ok, text } = await send(verdict);
    t.equal(ok, false);
    t.match(text, pattern);
  }
});
