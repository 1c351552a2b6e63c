import type { BeatSink } from './beat-sink.ts';
import type { ErrorReporter } from './error-reporter.ts';
import { TocsinError } from './tocsin-error.ts';

/** Stands in for a sender that has nowhere to send to: says so once, at the first beat, and drops them all. */
export function deadEnd(problem: string, report: ErrorReporter): BeatSink {
  let dropped = 0;
  const flush = async () => dropped === 0;
  return {
    add() {
      dropped += 1;
      if (dropped === 1) report(new TocsinError('invalid', `no beat can be sent: ${problem}`, { dropped }));
    },
    flush,
    close: flush,
    stats: () => ({ queued: 0, delivered: 0, rejected: 0, dropped }),
  };
}
