import { alertText } from './alert-text.ts';
import type { Attempt } from './notifier.ts';

/** What to tell a receiver that keeps what is open under a key. */
export type KeyedEvent = {
  action: 'open' | 'close';
  key: string;
  /** To be kept on record, but not worth waking anybody: it is closed with the next event. */
  isOver: boolean;
};

/**
 * The events of an attempt, in rounds: all of one are taken before the next goes out. A single notice has the key of its
 * incident, a digest that of the attempt. What is over before anybody heard of it (a merged recovery, a test) is opened and
 * closed: a close alone would be dropped, as nothing is open.
 */
export function keyedEvents({ id, notices, endedDigests }: Attempt): KeyedEvent[][] {
  const [{ incidentId, type, merged }] = notices;
  const isDigest = notices.length > 1;
  const key = isDigest || incidentId === '' ? id : incidentId;
  const open = (isOver: boolean): KeyedEvent[] => [{ action: 'open', key, isOver }];
  const close = [key, ...endedDigests].map((key): KeyedEvent => ({ action: 'close', key, isOver: true }));
  if (isDigest) return alertText(notices).status === 'firing' ? [open(false)] : [open(true), close];
  if (type === 'down' || type === 'flapping') return [open(false)];
  return type === 'test' || merged ? [open(true), close] : [close];
}
