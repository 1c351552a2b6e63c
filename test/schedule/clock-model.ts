/** An expression, and the values that each of its fields allows, as a test made them up. */
export type ModelCron = {
  expression: string;
  minutes: ReadonlySet<number>;
  hours: ReadonlySet<number>;
  daysOfMonth: ReadonlySet<number>;
  months: ReadonlySet<number>;
  daysOfWeek: ReadonlySet<number>;
  fixedTime: boolean;
  bothDays: boolean;
};

const minuteMs = 60_000;

/** What the clock on the wall of a zone shows at each minute of a time, in minutes since 1970 began on such a clock. */
export type WallClock = { fromMs: number; shown: readonly number[] };

/** Reads the clock from Intl's parts, every minute from `fromMs` (on a minute) on. */
export function wallClock(timeZone: string, options: { fromMs: number; minutes: number }): WallClock {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  });
  const shown = Array.from({ length: options.minutes }, (_, index) => {
    const parts = format.formatToParts(options.fromMs + index * minuteMs);
    const value = (type: string) => Number(parts.find((part) => part.type === type)?.value);
    return Date.UTC(value('year'), value('month') - 1, value('day'), value('hour'), value('minute')) / minuteMs;
  });
  return { fromMs: options.fromMs, shown };
}

/**
 * All occurrences while a clock was watched, but for its first minute. A job for fixed times is done for each time that
 * the clock has passed, shown or left out, and not again when it shows one again.
 */
export function occurrencesByClock(cron: ModelCron, { fromMs, shown }: WallClock): number[] {
  const found: number[] = [];
  let latest = shown[0]!;
  shown.forEach((now, index) => {
    let due = !cron.fixedTime && index > 0 && matches(cron, now);
    if (cron.fixedTime) for (let minute = latest + 1; minute <= now; minute++) due ||= matches(cron, minute);
    latest = Math.max(latest, now);
    if (due) found.push(fromMs + index * minuteMs);
  });
  return found;
}

function matches(cron: ModelCron, wallMinute: number): boolean {
  const date = new Date(wallMinute * minuteMs);
  const byMonth = cron.daysOfMonth.has(date.getUTCDate());
  const byWeek = cron.daysOfWeek.has(date.getUTCDay());
  const day = cron.bothDays ? byMonth && byWeek : byMonth || byWeek;
  const month = cron.months.has(date.getUTCMonth() + 1);
  return day && month && cron.hours.has(date.getUTCHours()) && cron.minutes.has(date.getUTCMinutes());
}
