import type { Clock } from './clock.ts';
import { type Notice, noticeDefaults } from './engine/domain/notice.ts';
import type { Attempt, FailureReason, Notifier, Verdict } from './notify/notifier.ts';

const advice: Record<FailureReason, string> = {
  network: 'Check host and port of PING_ALERT_URI, and that the receiver is running and reachable from here.',
  dns: 'Check the host name in PING_ALERT_URI, and the name servers of this machine.',
  tls: 'Check the certificate of the receiver, and whether PING_ALERT_URI should start with http:// instead.',
  timeout: 'The receiver must answer within 10 seconds: it should accept the alert first and work on it afterwards.',
  protocol: 'Check the port in PING_ALERT_URI: what listens there does not speak HTTP.',
  http_status: 'Check the path of PING_ALERT_URI, its credentials, the signing secret, and the log of the receiver.',
  redirect: 'Set PING_ALERT_URI to the address that the receiver redirects to.',
  no_channel: 'Set PING_ALERT_URI.',
  refused_address: 'Allow the address with TOCSIN_EGRESS_ALLOW if alerts are to go there.',
  secret: 'Set the variable that the secret refers to, and start again.',
  receiver: 'Its answer says what it does not like.',
  aborted: 'Try again.',
  internal: 'This is a fault in Tocsin; its log says more.',
};

/**
 * Sends one test alert, without queue and retries, and says in plain words what happened. `ok`: it arrived; `lines` are
 * for a terminal. Never rejects.
 */
export async function sendTestAlert(options: {
  notifier: Notifier;
  clock: Clock;
  newId: () => string;
}): Promise<{ ok: boolean; lines: string[] }> {
  const { notifier, clock, newId } = options;
  const startedMs = clock.monotonicMs();
  const attempt: Attempt = { id: newId(), notices: [testNotice(clock.wallMs())], attempt: 1, endedDigests: [] };
  const verdict = await notifier.send(attempt, new AbortController().signal);
  const tookMs = Math.round(clock.monotonicMs() - startedMs);
  return { ok: verdict.kind === 'ok', lines: report(verdict, tookMs) };
}

function report(verdict: Verdict, tookMs: number): string[] {
  if (verdict.kind === 'ok') return [`The test alert was delivered: ${verdict.detail}, after ${tookMs} ms.`];
  const { kind, reason, detail } = verdict;
  const lines = [`The test alert was NOT delivered: ${detail}, after ${tookMs} ms.`];
  if (kind === 'permanent') lines.push('The receiver wants no more alerts: a real one would be given up at once.');
  else lines.push('A real alert would be tried again, for 72 hours.');
  lines.push(advice[reason]);
  return lines;
}

function testNotice(nowMs: number): Notice {
  return {
    type: 'test',
    atMs: nowMs,
    name: 'tocsin-test',
    reason: 'missed',
    incidentId: 'test',
    downSinceMs: nowMs,
    recoveredMs: null,
    merged: false,
    repeat: 0,
    lastBeatMs: nowMs,
    dueMs: nowMs,
    deadlineMs: nowMs,
    frequencyMs: 60_000,
    graceMs: 0,
    message: '',
    exitCode: null,
    blind: null,
    ...noticeDefaults,
  };
}
