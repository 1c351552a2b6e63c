import { parseDuration } from '../../engine/domain/duration.ts';
import type { Notice } from '../../engine/domain/notice.ts';
import { latestOfEach } from '../alert-text.ts';
import type { NotifierPorts } from '../channel-kind.ts';
import type { Attempt, FailureReason, Notifier, Verdict } from '../notifier.ts';
import { cutText, oneLine } from '../plain-text.ts';
import { Redactor } from '../redactor.ts';
import { webhookPayload } from '../webhook/webhook-payload.ts';
import { execEnvironment } from './exec-environment.ts';
import type { ExecSettings } from './exec-kind.ts';
import { findProgram } from './find-program.ts';
import { type Ended, runProgram } from './run-program.ts';

export type ExecOptions = {
  settings: ExecSettings;
  ports: Pick<NotifierPorts, 'execDir' | 'programs'>;
  /** Instead of the one in the settings, ms. */
  timeoutMs?: number;
};

/** What a channel may set. */
export const execTimeout = { minMs: 1_000, maxMs: 30_000 };
/** `EX_DATAERR` of sysexits.h: the program says that this will never do. */
const wantsNoMore = 65;
const outputMax = 1_024;
const answerMaxLength = 500;
const detailMaxLength = 300;

/** Runs a program for each attempt. */
export class ExecNotifier implements Notifier {
  readonly #settings: ExecSettings;
  readonly #ports: ExecOptions['ports'];
  readonly #timeoutMs: number;
  readonly #redactor: Redactor;

  constructor({ settings, ports, timeoutMs }: ExecOptions) {
    const parsed = parseDuration(settings.timeout, execTimeout);
    this.#settings = settings;
    this.#ports = ports;
    this.#timeoutMs = timeoutMs ?? (parsed.ok ? parsed.ms : execTimeout.maxMs);
    this.#redactor = new Redactor(Object.values(settings.environment));
  }

  async send(attempt: Attempt, signal: AbortSignal): Promise<Verdict> {
    const { execDir, programs } = this.#ports;
    if (signal.aborted) return failure('aborted', 'cut off before the program was run');
    if (execDir === null) return failure('receiver', 'programs are off: TOCSIN_EXEC_DIR is not set');
    try {
      const found = await findProgram(execDir, this.#settings.program);
      if (!found.ok) return failure('receiver', found.problem);
      const environment = { ...programs.environment, ...this.#settings.environment, ...execEnvironment(attempt) };
      const input = jsonLines(latestOfEach(attempt.notices));
      const { path } = found;
      const ended = await runProgram(
        { path, arguments: this.#settings.arguments, environment, folder: execDir, input },
        { timeoutMs: this.#timeoutMs, signal, killGroup: programs.killGroup, outputMax },
      );
      return this.#verdict(ended);
    } catch {
      return failure('internal', 'the program could not be run');
    }
  }

  #verdict(ended: Ended): Verdict {
    switch (ended.kind) {
      case 'aborted':
        return failure('aborted', 'cut off: the program was killed');
      case 'not-started':
        return failure('receiver', `the program could not be started (${ended.code || 'unknown error'})`);
    }
    const answer = this.#answer(ended);
    const told = answer === '' ? {} : { answer };
    const said = answer === '' ? '' : `: ${answer}`;
    switch (ended.kind) {
      case 'timed-out': {
        const detail = `the program did not end within ${this.#timeoutMs / 1000} s, and was killed${said}`;
        return { ...failure('timeout', detail), ...told };
      }
      case 'killed':
        return { ...failure('receiver', `the program was ended by ${ended.signal}${said}`), ...told };
      case 'exited': {
        if (ended.code === 0) return { kind: 'ok', detail: 'exit code 0', ...told };
        const verdict = { ...failure('receiver', `exit code ${ended.code}${said}`), ...told };
        return ended.code === wantsNoMore ? { ...verdict, kind: 'permanent' } : verdict;
      }
    }
  }

  #answer({ output, isTruncated }: { output: string; isTruncated: boolean }): string {
    return cutText(oneLine(this.#redactor.redact(output, { truncated: isTruncated })), answerMaxLength);
  }
}

function failure(reason: FailureReason, detail: string): Exclude<Verdict, { kind: 'ok' }> {
  return { kind: 'retryable', reason, detail: cutText(detail, detailMaxLength) };
}

/** A line for each notice, made as they are read: those of a large digest would hold up the thread at once. */
function* jsonLines(notices: readonly Notice[]): Generator<string> {
  for (const notice of notices) yield `${JSON.stringify(webhookPayload(notice))}\n`;
}
