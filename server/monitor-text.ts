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
