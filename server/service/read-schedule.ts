import type { CronSchedule } from '../engine/domain/schedule.ts';

/** What tells whether a cron schedule is valid: the middle of an error message, or null. */
export type CronChecks = {
  expressionProblem(expression: string): string | null;
  timeZoneProblem(timeZone: string): string | null;
};

export type ReadCron =
  | { ok: true; cron: CronSchedule }
  | { ok: false; field: 'cron' | 'time_zone'; problem: string; value: string };

/** The schedule that `cron` and `time_zone` say; no time zone is UTC. */
export function readCron({ cron, timeZone }: { cron: string; timeZone: string }, checks: CronChecks): ReadCron {
  const zone = timeZone === '' ? 'UTC' : timeZone;
  const zoneProblem = checks.timeZoneProblem(zone);
  if (zoneProblem !== null) return { ok: false, field: 'time_zone', problem: zoneProblem, value: timeZone };
  const problem = cron === '' ? 'must be given with a time zone' : checks.expressionProblem(cron);
  return problem === null
    ? { ok: true, cron: { expression: cron, timeZone: zone } }
    : { ok: false, field: 'cron', problem, value: cron };
}

/** Names in a hint. */
const hintedMax = 20;

/** Says which channels are valid, as the middle of an error message. */
export function channelsHint(channels: ReadonlySet<string>): string {
  const names = [...channels];
  const more = names.length > hintedMax ? ` and ${names.length - hintedMax} more` : '';
  return `must be names of channels that exist: ${names.slice(0, hintedMax).join(', ')}${more}`;
}
