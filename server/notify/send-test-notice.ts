import type { Clock } from '../clock.ts';
import { type Notice, noticeDefaults } from '../engine/domain/notice.ts';
import type { Attempt, FailureReason, Notifier, Verdict } from './notifier.ts';

/** `name`: what says where a test goes, such as "PING_ALERT_URI". `kind`: of the channel, by its name in the contract. */
type TestTarget = { name: string; kind: string };

/** What to look at when a test did not arrive, and what would become of a real alert that will not be tried again. */
export function testAdvice({ kind, reason }: Exclude<Verdict, { kind: 'ok' }>, target: TestTarget): string {
  const givenUp = 'The receiver wants no more alerts: a real one would be given up at once.';
  const advice = (target.kind === 'exec' ? programAdvice(reason) : null) ?? adviceFor(reason, target);
  return kind === 'permanent' ? `${givenUp} ${advice}` : advice;
}

/** Where a program needs other words than a receiver; null: it needs none. */
function programAdvice(reason: FailureReason): string | null {
  switch (reason) {
    case 'timeout':
      return 'The program must end within the `timeout` of the channel: let it hand the alert on, and work on it afterwards.';
    case 'receiver':
      return 'The program must be in TOCSIN_EXEC_DIR and executable, and end with exit code 0; try it by hand there.';
    default:
      return null;
  }
}

function adviceFor(reason: FailureReason, { name: target, kind }: TestTarget): string {
  switch (reason) {
    case 'network':
      return `Check host and port of ${target}, and that the receiver is running and reachable from here.`;
    case 'dns':
      return `Check the host name in ${target}, and the name servers of this machine.`;
    case 'tls':
      return `Check the certificate of the receiver, and whether ${target} should be spoken to without TLS instead.`;
    case 'timeout':
      return kind === 'email'
        ? `Check host and port of ${target}: the mail server is too slow to answer, or cannot be reached.`
        : 'The receiver must answer within 10 seconds: it should accept the alert first and work on it afterwards.';
    case 'protocol':
      return `Check the port in ${target}: what listens there does not speak its protocol (HTTP, for most).`;
    case 'http_status':
      return `Check the address in ${target}, its credentials${kind === 'webhook' ? ', the signing secret' : ''}, and the log of the receiver.`;
    case 'redirect':
      return `Have ${target} name the address that the receiver redirects to.`;
    case 'no_channel':
      return `Set up ${target}.`;
    case 'refused_address':
      return 'Allow the address with TOCSIN_EGRESS_ALLOW if alerts are to go there.';
    case 'secret':
      return 'Set the variable that the secret refers to, and start the server again.';
    case 'receiver':
      return 'Its answer says what it does not like.';
    case 'aborted':
      return 'It was cut off, as a test may not take as long as an alert. Try again.';
    case 'internal':
      return 'This is a fault in Tocsin; its log says more.';
  }
}

/**
 * Sends one test alert, without queue and retries: what became of it, and how long it took, ms. It is cut off after `limitMs`
 * (none: the notifier has its own limit), or with `signal`. Never rejects.
 */
export async function sendTestNotice(options: {
  notifier: Notifier;
  clock: Clock;
  newId: () => string;
  limitMs?: number;
  signal?: AbortSignal;
}): Promise<{ verdict: Verdict; tookMs: number }> {
  const { notifier, clock, newId, limitMs, signal } = options;
  const abort = new AbortController();
  const onAbort = (): void => abort.abort();
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort);
  const timer = limitMs === undefined ? null : clock.after(limitMs, onAbort);
  const startedMs = clock.monotonicMs();
  const attempt: Attempt = { id: newId(), notices: [testNotice(clock.wallMs())], attempt: 1, endedDigests: [] };
  const verdict = await notifier.send(attempt, abort.signal);
  timer?.cancel();
  signal?.removeEventListener('abort', onAbort);
  return { verdict, tookMs: Math.round(clock.monotonicMs() - startedMs) };
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
