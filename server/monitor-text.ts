import type { AlertView } from './alerting/alert-view.ts';
import { formatDuration } from './engine/domain/duration.ts';
import type { Monitor, OpenIncident } from './engine/domain/monitor.ts';

/** How often a monitor must be heard from: "every 10m", or its cron expression and zone. */
export function scheduleText({ config, frequencyMs }: Pick<Monitor, 'config' | 'frequencyMs'>): string {
  const { cron } = config;
  return cron === null ? `every ${formatDuration(frequencyMs)}` : `${cron.expression} (${cron.timeZone})`;
}

/** Why a monitor went down, reading on after "down since …:". */
export function causeText({
  reason,
  message,
  exitCode,
}: Pick<OpenIncident, 'reason' | 'message' | 'exitCode'>): string {
  if (reason === 'missed') return 'no beat came in time';
  if (reason !== 'failed') return message;
  const code = exitCode === null || exitCode === 0 ? '' : ` with exit code ${exitCode}`;
  return `a beat reported failure${code}${message === '' ? '' : `: ${message.slice(0, 200)}`}`;
}

/** How it stands with an alert, as a sentence. */
export function alertText({
  state,
  told,
  heldBy,
  silences,
}: Pick<AlertView, 'state' | 'told' | 'heldBy' | 'silences'>): string {
  switch (state) {
    case 'told':
      return told.every(({ pending, reminders }) => pending && reminders === 0)
        ? 'Nobody has it yet: it waits to be delivered.'
        : 'It was told.';
    case 'waiting':
      return 'Nobody was told yet.';
    case 'acknowledged':
      return 'Somebody cares for it: no reminders, and nobody else is told.';
    case 'silenced':
      return silences.length === 1
        ? 'A silence holds: nobody is told before it ends.'
        : `${silences.length} silences hold: nobody is told before they end.`;
    case 'held':
      return `It waits for ${heldBy}, which this monitor depends on.`;
    case 'flapping':
      return 'It goes up and down again and again: nothing more is told until it is steady.';
  }
}
