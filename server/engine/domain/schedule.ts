/** A cron expression in a time zone. */
export type CronSchedule = { expression: string /** IANA name */; timeZone: string };

/** Port: the first occurrence strictly after `afterMs` (Unix ms); null when there is none any more. */
export type NextOccurrence = (cron: CronSchedule, afterMs: number) => number | null;
