import t from 'tap';
import type { FailureReason } from '../../server/notify/notifier.ts';
import { testAdvice } from '../../server/notify/send-test-notice.ts';

const advice = (kind: string, reason: FailureReason, verdict: 'retryable' | 'permanent' = 'retryable') =>
  testAdvice({ kind: verdict, reason, detail: 'x' }, { name: 'the channel', kind });

t.test('advice fits the kind of the channel', (t) => {
  t.match(advice('exec', 'timeout'), /`timeout` of the channel/);
  t.match(advice('exec', 'receiver'), /in TOCSIN_EXEC_DIR and executable, and end with exit code 0/);
  t.match(advice('exec', 'secret'), /variable/);
  t.match(advice('webhook', 'timeout'), /within 10 seconds/);
  t.match(advice('webhook', 'http_status'), /the signing secret/);
  t.notMatch(advice('slack', 'http_status'), /signing/);
  t.match(advice('slack', 'receiver'), /Its answer/);
  t.match(advice('email', 'timeout'), /mail server/);
  t.end();
});

t.test('what will not be tried again says so', (t) => {
  t.match(advice('webhook', 'http_status', 'permanent'), /given up at once\. Check the address/);
  t.notMatch(advice('webhook', 'http_status'), /given up/);
  t.end();
});
