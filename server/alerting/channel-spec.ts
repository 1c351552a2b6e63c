import { createHmac } from 'node:crypto';
import type { CatalogEntry } from '../store/catalog.ts';
import type { ChannelSettings } from './channel-settings.ts';

/** What people set of a channel. */
export type ChannelSpec = {
  description: string;
  /** By its name in the contract (`Channel.kind`), such as "slack". */
  kind: string;
  /** Secrets as they were given: references are not resolved. */
  settings: ChannelSettings;
  /** As in `Lane`. */
  concurrency: number;
  digest: { above: number; windowMs: number };
};

/** What is not set of a channel. */
export const plainChannel = { description: '', concurrency: 8, digest: { above: 5, windowMs: 60_000 } };

/** A channel as it is kept. */
export type KeptChannel = {
  name: string;
  spec: ChannelSpec;
  /** Changes whenever the spec does. */
  etag: string;
  origin: 'settings' | 'api';
  createdMs: number;
  updatedMs: number;
};

/** The same text for the same content, in whatever order it came. */
export function specText({ description, kind, settings, concurrency, digest }: ChannelSpec): string {
  const { above, windowMs } = digest;
  return JSON.stringify({ description, kind, settings: sorted(settings), concurrency, digest: { above, windowMs } });
}

/**
 * 16 hexadecimal digits. Keyed, and another for each channel: else whoever reads it could try guesses of the secrets, by a hash
 * of his own or by another channel that has the same etag when the guess is right.
 */
export function etagOf({ name, createdMs, spec }: Omit<KeptChannel, 'etag'>, key: string): string {
  const text = JSON.stringify([name, createdMs, specText(spec)]);
  return createHmac('sha256', `channel etag ${key}`).update(text).digest('hex').slice(0, 16);
}

export function channelEntry({ name, spec, createdMs, updatedMs }: KeptChannel): CatalogEntry {
  return { name, spec: specText(spec), createdMs, updatedMs };
}

export function channelOfEntry({ name, spec: text, createdMs, updatedMs }: CatalogEntry, key: string): KeptChannel {
  const spec = { ...plainChannel, ...(JSON.parse(text) as ChannelSpec) };
  const channel = { name, spec, origin: 'api' as const, createdMs, updatedMs };
  return { ...channel, etag: etagOf(channel, key) };
}

/** Keys of objects in order, at every depth. */
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}
