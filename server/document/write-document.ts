import { formatDuration } from '../engine/domain/duration.ts';
import type { MaintenanceWindow } from '../engine/domain/maintenance.ts';
import type { Monitor } from '../engine/domain/monitor.ts';
import { type FieldValue, monitorFields } from './document-item.ts';

export type DocumentFormat = 'yaml' | 'json';

/** The monitors of a document, from the first (`isFirst`) on, with what stands before it. */
export function writeMonitors(
  monitors: readonly Monitor[],
  { format, isFirst }: { format: DocumentFormat; isFirst: boolean },
): string {
  const items = monitors.map(fieldsOf);
  if (format === 'json') {
    return items
      .map((item, index) => `${isFirst && index === 0 ? '{"monitors": [\n' : ',\n'}${JSON.stringify(item)}`)
      .join('');
  }
  return `${isFirst && items.length > 0 ? 'monitors:\n' : ''}${items.map(yamlItem).join('')}`;
}

/** What stands after the last monitor; `isEmpty`: there was none. */
export function writeEnd({ format, isEmpty }: { format: DocumentFormat; isEmpty: boolean }): string {
  if (format === 'json') return isEmpty ? '{"monitors": []}\n' : '\n]}\n';
  return isEmpty ? 'monitors: []\n' : '';
}

/**
 * What people may set of a monitor, by the names of the contract; what has its default is left out. Not so the grace:
 * its default depends on when it is set.
 */
function fieldsOf({ name, frequencyMs, graceMs, config }: Monitor): Record<string, FieldValue> {
  const { description, cron, maxRunMs, minRunMs, minIntervalMs, failuresToAlert, beatsToRecover } = config;
  const given: Record<string, FieldValue | null> = {
    name,
    description: description || null,
    frequency: cron ? null : formatDuration(frequencyMs),
    cron: cron?.expression ?? null,
    time_zone: zoneOf(cron?.timeZone),
    grace: formatDuration(graceMs),
    max_run: durationOf(maxRunMs),
    min_run: durationOf(minRunMs),
    min_interval: durationOf(minIntervalMs),
    failures_to_alert: failuresToAlert === 1 ? null : failuresToAlert,
    beats_to_recover: beatsToRecover === 1 ? null : beatsToRecover,
    tags: listOf(config.tags),
    channels: listOf(config.channels),
    depends_on: listOf(config.dependsOn),
    maintenance: config.maintenance.length === 0 ? null : config.maintenance.map(windowOf),
    severity: config.severity === 'critical' ? null : config.severity,
    ping_id: config.pingId || null,
  };
  const fields: Record<string, FieldValue> = {};
  for (const field of Object.keys(monitorFields)) {
    const value = given[field] ?? null;
    if (value !== null) fields[field] = value;
  }
  return fields;
}

function windowOf(window: MaintenanceWindow): Record<string, string> {
  if (window.kind === 'once') return { start: timeOf(window.fromMs), end: timeOf(window.toMs) };
  const zone = zoneOf(window.cron.timeZone);
  const fields = { cron: window.cron.expression, duration: formatDuration(window.durationMs) };
  return zone === null ? fields : { ...fields, time_zone: zone };
}

function zoneOf(timeZone: string | undefined): string | null {
  return timeZone === undefined || timeZone === 'UTC' ? null : timeZone;
}

function durationOf(ms: number | null): string | null {
  return ms === null ? null : formatDuration(ms);
}

function listOf(texts: readonly string[]): string[] | null {
  return texts.length === 0 ? null : [...texts];
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}

function yamlItem(item: Record<string, FieldValue>): string {
  const lines = Object.entries(item).map(([field, value]) => `    ${field}:${yamlValue(value)}\n`);
  return `  - ${lines.join('').slice(4)}`;
}

function yamlValue(value: FieldValue): string {
  if (!Array.isArray(value)) return ` ${yamlScalar(value)}`;
  if (value.every((each) => typeof each === 'string')) return ` [${value.map(yamlScalar).join(', ')}]`;
  return value
    .map((window) => {
      const lines = Object.entries(window).map(([field, text]) => `        ${field}: ${yamlScalar(text)}`);
      return `\n      - ${lines.join('\n').slice(8)}`;
    })
    .join('');
}

/** Texts that every version of YAML reads as themselves, in flow too; all others are written as in JSON, which is YAML. */
const plainText = /^([A-Za-z]([A-Za-z0-9 _./-]*[A-Za-z0-9])?|[0-9]+[WDhms])$/;
const otherMeaning = /^(y|n|yes|no|on|off|true|false|null)$/i;

function yamlScalar(value: string | number): string {
  if (typeof value === 'number') return String(value);
  return plainText.test(value) && !otherMeaning.test(value) ? value : JSON.stringify(value);
}
