import type { CronPattern } from './cron-pattern.ts';

/** What occurs at all occurs within 40 years: 29 February on a certain weekday, around 2100. */
const searchedYears = 41;

const dayMinutes = 24 * 60;
const dayMs = dayMinutes * 60_000;

/**
 * The first minute from `fromMinute` on that the pattern matches, on a clock that is never changed; null when there is
 * none within 41 years. Minutes are counted from 1970-01-01 00:00 on that clock.
 */
export function nextLocalMinute(pattern: CronPattern, fromMinute: number): number | null {
  const today = Math.floor(fromMinute / dayMinutes);
  const first = nextMatchingDay(pattern, today);
  if (first === null) return null;
  if (first > today) return first * dayMinutes + firstTimeOfDay(pattern);
  const time = nextTimeOfDay(pattern, fromMinute - today * dayMinutes);
  if (time !== null) return today * dayMinutes + time;
  const later = nextMatchingDay(pattern, today + 1);
  return later === null ? null : later * dayMinutes + firstTimeOfDay(pattern);
}

function firstTimeOfDay({ hours, minutes }: CronPattern): number {
  return hours[0]! * 60 + minutes[0]!;
}

/** The first matching minute of a day from `from` (0 to 1439) on. */
function nextTimeOfDay({ hours, minutes }: CronPattern, from: number): number | null {
  const thisHour = Math.floor(from / 60);
  for (const hour of hours) {
    if (hour < thisHour) continue;
    if (hour > thisHour) return hour * 60 + minutes[0]!;
    const minute = minutes.find((value) => value >= from % 60);
    if (minute !== undefined) return hour * 60 + minute;
  }
  return null;
}

/** The first matching day from `fromDay` on, in days since 1970-01-01. */
function nextMatchingDay(pattern: CronPattern, fromDay: number): number | null {
  const start = new Date(fromDay * dayMs);
  let year = start.getUTCFullYear();
  let month = start.getUTCMonth() + 1;
  let dayOfMonth = start.getUTCDate();
  const lastYear = year + searchedYears;
  while (year <= lastYear) {
    if (pattern.months.includes(month)) {
      const firstDay = Date.UTC(year, month - 1, 1) / dayMs;
      const length = Date.UTC(year, month, 1) / dayMs - firstDay;
      for (; dayOfMonth <= length; dayOfMonth++) {
        const day = firstDay + dayOfMonth - 1;
        if (matchesDay(pattern, { dayOfMonth, length, dayOfWeek: weekdayOf(day) })) return day;
      }
    }
    dayOfMonth = 1;
    month++;
    if (month > 12) {
      month = 1;
      year++;
    }
  }
  return null;
}

/** 1970-01-01 was a Thursday. */
function weekdayOf(day: number): number {
  return (((day + 4) % 7) + 7) % 7;
}

/** A day, and the `length` of its month in days. */
type CalendarDay = { dayOfMonth: number; length: number; dayOfWeek: number };

function matchesDay(pattern: CronPattern, day: CalendarDay): boolean {
  const { bothDays } = pattern;
  const byMonth = matchesDayOfMonth(pattern, day);
  if (byMonth !== bothDays) return byMonth;
  return matchesDayOfWeek(pattern, day);
}

function matchesDayOfMonth(pattern: CronPattern, { dayOfMonth, length, dayOfWeek }: CalendarDay): boolean {
  if (pattern.daysOfMonth.includes(dayOfMonth)) return true;
  if (pattern.lastDay && dayOfMonth === length) return true;
  if (!pattern.lastWeekday || dayOfWeek === 0 || dayOfWeek === 6) return false;
  // The last day itself, or a Friday with nothing but the weekend after it.
  return dayOfMonth === length || (dayOfWeek === 5 && dayOfMonth >= length - 2);
}

function matchesDayOfWeek(pattern: CronPattern, { dayOfMonth, length, dayOfWeek }: CalendarDay): boolean {
  if (pattern.daysOfWeek.includes(dayOfWeek)) return true;
  return pattern.nthDaysOfWeek.some(
    (special) =>
      special.dayOfWeek === dayOfWeek &&
      (special.nth === 'last' ? dayOfMonth + 7 > length : special.nth === Math.ceil(dayOfMonth / 7)),
  );
}
