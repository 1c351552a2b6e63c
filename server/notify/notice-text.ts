import type { Notice } from '../engine/domain/notice.ts';

const messageMaxLength = 200;

/** The notice in one or two plain sentences, times in UTC. */
export function noticeText(notice: Notice): string {
  const { type, name, downSinceMs, recoveredMs, merged, repeat } = notice;
  switch (type) {
    case 'test':
      return `This is a test alert of Tocsin, sent at ${utcText(notice.atMs)}. Nothing is wrong.`;
    case 'closed':
      return `The alert of ${name} is closed: ${notice.message}. It was down since ${utcText(downSinceMs)}.`;
    case 'flapping':
      return `${name} is FLAPPING: it went down ${notice.flaps} times lately. You hear of it again when it is steady.`;
    case 'up': {
      const interval = `from ${utcText(downSinceMs)} to ${utcText(recoveredMs ?? notice.atMs)}`;
      if (notice.flaps > 0) return `${name} is steady again, and UP since ${utcText(recoveredMs ?? notice.atMs)}.`;
      if (!merged) return `${name} is UP again: it was down ${interval}.${blindness(notice)}`;
      return `${name} is UP again, but was DOWN ${interval}: ${cause(notice)}.${blindness(notice)}`;
    }
    case 'down': {
      const state =
        notice.flaps > 0 && repeat === 0
          ? `is steady, and DOWN since ${utcText(downSinceMs)}`
          : repeat === 0
            ? 'is DOWN'
            : `is still DOWN, since ${utcText(downSinceMs)} (reminder ${repeat})`;
      return `${name} ${state}: ${cause(notice)}.${dependency(notice)}${blindness(notice)}`;
    }
  }
}

function cause({ reason, merged, lastBeatMs, deadlineMs, downSinceMs, message, exitCode }: Notice): string {
  if (reason === 'failed') {
    // A fail may carry exit code 0: the job says that it failed, not that its process did.
    const code = exitCode === null || exitCode === 0 ? '' : ` with exit code ${exitCode}`;
    const said = message.replace(/\s+/g, ' ').trim();
    return `it reported a failure${code} at ${utcText(downSinceMs)}${said === '' ? '' : `: ${cut(said)}`}`;
  }
  // Of these the message is the whole cause.
  if (reason !== 'missed')
    return message === ''
      ? `${causes[reason]}, at ${utcText(downSinceMs)}`
      : `${cut(message)}, at ${utcText(downSinceMs)}`;
  const expected = deadlineMs === null ? '' : `, expected by ${utcText(deadlineMs)}`;
  // Of a merged notice the last beat is the one that came too late.
  if (merged) return `the ping came late${expected}`;
  return `${lastBeatMs === null ? 'no ping' : `no ping since ${utcText(lastBeatMs)}`}${expected}`;
}

const causes = {
  overran: 'a run took too long',
  too_short: 'a run ended too soon',
  too_often: 'a run began too soon after the one before',
} as const;

function dependency({ heldBy }: Notice): string {
  return heldBy === '' ? '' : ` It depends on ${heldBy}, which was down: the alert waited for that.`;
}

function blindness({ blind }: Notice): string {
  if (!blind) return '';
  return ` Tocsin was not listening from ${utcText(blind.fromMs)} to ${utcText(blind.toMs)}: pings of that time are unknown.`;
}

/** Such as 2026-03-14 03:11:00 UTC. */
export function utcText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

function cut(text: string): string {
  // By code points, so that no character is cut in half.
  return text.length <= messageMaxLength ? text : `${[...text].slice(0, messageMaxLength).join('')}…`;
}
