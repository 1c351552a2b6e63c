import type { Clock } from './clock.ts';
import type { Notifier, Verdict } from './notify/notifier.ts';
import { sendTestNotice, testAdvice } from './notify/send-test-notice.ts';

/**
 * Sends one test alert to where PING_ALERT_URI says, without queue and retries, and says in plain words what happened. `ok`: it
 * arrived; `lines` are for a terminal. Never rejects.
 */
export async function sendTestAlert(options: {
  notifier: Notifier;
  clock: Clock;
  newId: () => string;
}): Promise<{ ok: boolean; lines: string[] }> {
  const { verdict, tookMs } = await sendTestNotice(options);
  return { ok: verdict.kind === 'ok', lines: report(verdict, tookMs) };
}

function report(verdict: Verdict, tookMs: number): string[] {
  if (verdict.kind === 'ok') return [`The test alert was delivered: ${verdict.detail}, after ${tookMs} ms.`];
  const { kind, detail } = verdict;
  const lines = [`The test alert was NOT delivered: ${detail}, after ${tookMs} ms.`];
  if (kind === 'retryable') lines.push('A real alert would be tried again, for 72 hours.');
  lines.push(testAdvice(verdict, { name: 'PING_ALERT_URI', kind: 'webhook' }));
  return lines;
}
