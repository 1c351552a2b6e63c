import { formatDuration } from '../engine/domain/duration.ts';
import { type Severity, severities } from '../engine/domain/monitor-config.ts';
import type { Notice } from '../engine/domain/notice.ts';
import { noticeText, utcText } from './notice-text.ts';
import { cutText, oneLine, type TextSize, utf16Units } from './plain-text.ts';

/** How many monitors of a digest are named. */
const namedMonitors = 20;
/** So that one of them cannot take the room of all others. */
const lineMax = 500;
const factMaxLength = 300;

/**
 * How an attempt's notices read. All of it is plain text, whatever is in the names: each kind escapes it for its own markup.
 * Times are in UTC.
 */
export type AlertText = {
  /** One line, without a period; up to some 300 characters. */
  title: string;
  /** Of one notice a line; of a digest one for each monitor that is named, and how many are not. */
  text: string;
  /** `firing`: at least one is down or flapping. `resolved`: all of it is over. `info`: a test. */
  status: 'firing' | 'resolved' | 'info';
  /** The worst of those that are down; when none is, of all. */
  severity: Severity;
  /** For cards that have room for them; up to 8, values up to 300 characters. */
  facts: { label: string; value: string }[];
};

/** Room for `text`: `size` of it is at most `max`. What does not fit is cut between lines of a digest, and in one line. */
export type TextRoom = { max: number; size: TextSize };

const endless: TextRoom = { max: Number.POSITIVE_INFINITY, size: utf16Units };

/** One notice; or a digest of many, in which the last notice of a monitor counts. */
export function alertText(notices: readonly [Notice, ...Notice[]], room: TextRoom = endless): AlertText {
  const latest = latestOfEach(notices);
  const [first] = latest;
  return first !== undefined && latest.length === 1 ? textOfOne(first, room) : textOfMany(latest, room);
}

/** The last notice of each monitor, in the order in which their first ones came. */
export function latestOfEach(notices: readonly Notice[]): Notice[] {
  return [...new Map(notices.map((notice) => [notice.name, notice])).values()];
}

function textOfOne(raw: Notice, { max, size }: TextRoom): AlertText {
  const notice = inOneLine(raw);
  return {
    title: titleOfOne(notice),
    text: cutText(noticeText(notice), max, size),
    status: statusOf(notice),
    severity: notice.severity,
    facts: factsOf(notice).map(({ label, value }) => ({ label, value: cutText(value, factMaxLength) })),
  };
}

/** A notice in a line, without a period. */
export function titleOfOne({ type, name, repeat, merged, flaps }: Notice): string {
  switch (type) {
    case 'test':
      return 'Test alert of Tocsin';
    case 'closed':
      return `The alert of ${name} is closed`;
    case 'flapping':
      return `${name} is FLAPPING`;
    case 'up':
      if (flaps > 0) return `${name} is steady again, and UP`;
      return merged ? `${name} is UP again, but was DOWN` : `${name} is UP again`;
    case 'down':
      return repeat === 0 ? `${name} is DOWN` : `${name} is still DOWN`;
  }
}

function factsOf(notice: Notice): AlertText['facts'] {
  const { type, severity, downSinceMs, recoveredMs, lastBeatMs, cron, frequencyMs, tags } = notice;
  if (type === 'test') return [];
  const facts = [
    { label: 'Severity', value: severity },
    { label: 'Down since', value: utcText(downSinceMs) },
  ];
  if (recoveredMs !== null) {
    facts.push({ label: 'Up since', value: utcText(recoveredMs) });
    // To the second, as the times are shown; a clock that was set back makes no negative time.
    const wholeMs = Math.max(0, Math.floor(recoveredMs / 1000) - Math.floor(downSinceMs / 1000)) * 1000;
    facts.push({ label: 'Was down for', value: roughDuration(wholeMs) });
  }
  facts.push({ label: 'Last ping', value: lastBeatMs === null ? 'never' : utcText(lastBeatMs) });
  const schedule = cron === null ? `every ${formatDuration(frequencyMs)}` : `${cron.expression} (${cron.timeZone})`;
  facts.push({ label: 'Schedule', value: oneLine(schedule) });
  if (tags.length > 0) facts.push({ label: 'Tags', value: tags.map(oneLine).join(', ') });
  return facts;
}

function textOfMany(latest: Notice[], room: TextRoom): AlertText {
  const firing = latest.filter((notice) => statusOf(notice) === 'firing');
  const sorted = latest.toSorted(moreUrgentFirst);
  return {
    title: titleOfMany(latest),
    text: linesThatFit(sorted, room),
    status: firing.length > 0 ? 'firing' : latest.every(({ type }) => type === 'test') ? 'info' : 'resolved',
    severity: worst(firing.length > 0 ? firing : latest),
    facts: severities
      .map((severity) => ({ severity, count: firing.filter((notice) => notice.severity === severity).length }))
      .filter(({ count }) => count > 0)
      .map(({ severity, count }) => ({ label: `Now ${severity}`, value: grouped(count) })),
  };
}

function titleOfMany(latest: readonly Notice[]): string {
  const count = (type: Notice['type']): number => latest.filter((notice) => notice.type === type).length;
  const parts = [
    { count: count('down'), what: 'DOWN' },
    { count: count('flapping'), what: 'FLAPPING' },
    { count: count('up'), what: 'UP again' },
    { count: count('closed'), what: 'closed' },
    { count: count('test'), what: 'tested' },
  ].filter((part) => part.count > 0);
  return parts
    .map(({ count, what }, index) => {
      if (index > 0) return `${grouped(count)} ${what}`;
      const things = what === 'closed' || what === 'tested' ? 'alert' : 'monitor';
      return `${grouped(count)} ${things}${count === 1 ? ' is' : 's are'} ${what}`;
    })
    .join(', ');
}

/** The first lines, as many as fit, and how many are left out. */
function linesThatFit(sorted: readonly Notice[], { max, size }: TextRoom): string {
  const lines: string[] = [];
  let left = max;
  for (const notice of sorted.slice(0, namedMonitors)) {
    const line = `${cutText(lineOf(notice), Math.min(lineMax, max / 4), size)}\n`;
    left -= size(line);
    // There is always room to say how many are left out.
    if (left < size(moreLine(sorted.length))) break;
    lines.push(line);
  }
  const omitted = sorted.length - lines.length;
  if (omitted === 0) return lines.join('').trimEnd();
  return cutText(`${lines.join('')}${moreLine(omitted)}`, max, size);
}

function moreLine(count: number): string {
  return `and ${grouped(count)} more`;
}

function lineOf(raw: Notice): string {
  const notice = inOneLine(raw);
  const text = noticeText(notice);
  return statusOf(notice) === 'firing' ? `• [${notice.severity}] ${text}` : `• ${text}`;
}

/** What is down comes first, the worst before the others; then what is so for the longest time. */
function moreUrgentFirst(a: Notice, b: Notice): number {
  return (
    Number(statusOf(a) !== 'firing') - Number(statusOf(b) !== 'firing') ||
    severities.indexOf(a.severity) - severities.indexOf(b.severity) ||
    a.downSinceMs - b.downSinceMs ||
    (a.name < b.name ? -1 : 1)
  );
}

function worst(notices: readonly Notice[]): Severity {
  return severities.find((severity) => notices.some((notice) => notice.severity === severity)) ?? 'critical';
}

function statusOf({ type }: Notice): AlertText['status'] {
  if (type === 'test') return 'info';
  return type === 'down' || type === 'flapping' ? 'firing' : 'resolved';
}

function inOneLine(notice: Notice): Notice {
  const { name, message, heldBy } = notice;
  return { ...notice, name: oneLine(name), message: oneLine(message), heldBy: oneLine(heldBy) };
}

/** Its two largest units: 14,523,000 ms is "4h 2m". */
function roughDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const parts = [
    `${Math.floor(seconds / 86_400)}D`,
    `${Math.floor(seconds / 3_600) % 24}h`,
    `${Math.floor(seconds / 60) % 60}m`,
    `${seconds % 60}s`,
  ];
  const from = parts.findIndex((part) => !part.startsWith('0'));
  const shown = from < 0 ? ['0s'] : parts.slice(from, from + 2);
  return shown.filter((part, index) => index === 0 || !part.startsWith('0')).join(' ');
}

/** Digits in groups of three: 9,980. */
function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}
