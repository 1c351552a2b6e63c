import type { Monitor } from './monitor.ts';
import type { MonitorSpec } from './monitor-config.ts';

/** What people may set of a monitor, as it is now. */
export function specOf({
  config,
  frequencyMs,
  graceMs,
}: Pick<Monitor, 'config' | 'frequencyMs' | 'graceMs'>): MonitorSpec {
  return { ...config, frequencyMs, graceMs };
}

/**
 * Changes whenever something that people may set of the monitor does, and with nothing else: 16 hexadecimal digits, FNV-1a
 * (two of 32 bits, over the text and over its reverse).
 */
export function etagOf(monitor: Pick<Monitor, 'config' | 'frequencyMs' | 'graceMs'>): string {
  const spec = specOf(monitor);
  const text = JSON.stringify(Object.entries(spec).sort(([a], [b]) => (a < b ? -1 : 1)));
  let forward = 0x811c9dc5;
  let backward = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    forward = Math.imul(forward ^ text.charCodeAt(index), 0x01000193);
    backward = Math.imul(backward ^ text.charCodeAt(text.length - 1 - index), 0x01000193);
  }
  return hex(forward) + hex(backward);
}

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0');
}
