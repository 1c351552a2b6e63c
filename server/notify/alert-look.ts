import type { AlertText } from './alert-text.ts';

/** Colour of an alert, 0xRRGGBB: of what is down by how bad it is; green for what is over, grey for a test. */
export function alertColor({ status, severity }: Pick<AlertText, 'status' | 'severity'>): number {
  if (status === 'resolved') return 0x2e7d32;
  if (status === 'info') return 0x607d8b;
  return { critical: 0xd32f2f, error: 0xef6c00, warning: 0xf9a825, info: 0x1e88e5 }[severity];
}

/** The same as a character, for texts. */
export function alertEmoji({ status, severity }: Pick<AlertText, 'status' | 'severity'>): string {
  if (status === 'resolved') return '🟢';
  if (status === 'info') return '⚪';
  return { critical: '🔴', error: '🟠', warning: '🟡', info: '🔵' }[severity];
}
