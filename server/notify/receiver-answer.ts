import type { Verdict } from './notifier.ts';
import { cutText, oneLine } from './plain-text.ts';

/** An answer that is a JSON object, whole; null when it is none. */
export function jsonAnswer(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : null;
  } catch {
    return null;
  }
}

/** The receiver answered with a 2xx, but said no. `said`: why, without secrets, if it is a text. */
export function refused(said: unknown): Verdict {
  const text = typeof said === 'string' ? oneLine(said) : '';
  return {
    kind: 'retryable',
    reason: 'receiver',
    detail: text === '' ? 'the receiver refused it' : `the receiver refused it: ${cutText(text, 200)}`,
  };
}
