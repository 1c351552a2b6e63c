const dayS = 86_400;
/** The end of the year 9999, and with it of four-digit years, Unix seconds. */
export const isoSecondEnd = 253_402_300_800;
const twoDigits = Array.from({ length: 100 }, (_, number) => String(number).padStart(2, '0'));
/** "T00:00:" to "T23:59:". */
const minuteTexts = Array.from(
  { length: 1_440 },
  (_, minute) => `T${twoDigits[Math.floor(minute / 60)]}:${twoDigits[minute % 60]}:`,
);

/** Dates as text, by day: the times of answers lie on few days. A day takes the place of the one 64 days away. */
const dates = { days: new Int32Array(64).fill(-1), texts: new Array<string>(64).fill('') };

/** `new Date(ms).toISOString()` for whole milliseconds, ten times as fast. */
export function isoTime(ms: number): string {
  const second = Math.floor(ms / 1000);
  if (!(second >= 0 && second < isoSecondEnd)) return new Date(ms).toISOString();
  const millis = ms - second * 1000;
  return `${isoSecond(second)}.${Math.floor(millis / 100)}${twoDigits[millis % 100]}Z`;
}

/** The date and time of a whole Unix second, from 0 to before `isoSecondEnd`: "2026-01-01T00:00:00". */
export function isoSecond(second: number): string {
  const day = Math.floor(second / dayS);
  const withinDay = second - day * dayS;
  const minute = Math.floor(withinDay / 60);
  return isoDate(day) + minuteTexts[minute] + twoDigits[withinDay - minute * 60];
}

function isoDate(day: number): string {
  const slot = day & 63;
  if (dates.days[slot] !== day) {
    dates.days[slot] = day;
    dates.texts[slot] = new Date(day * dayS * 1000).toISOString().slice(0, 10);
  }
  return dates.texts[slot]!;
}
