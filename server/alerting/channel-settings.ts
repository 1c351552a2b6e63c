import { type EnvLookup, isReference, resolveReferences } from './env-references.ts';

/** Settings of a kind of channel: the JSON of its message in channel.proto (camelCase, defaults left out). */
export type ChannelSettings = Readonly<Record<string, unknown>>;

/** `field` by its proto name: "url", `headers["x-key"]`. */
export type SettingProblem = { field: string; problem: string };

type Changed = { ok: true; settings: ChannelSettings } | ({ ok: false } & SettingProblem);

const mask = '***';

/** Say where secrets are sent to. What changes with one of them has its secrets given anew. */
const destinations = ['url', 'host', 'port', 'tls', 'program'];

/** What `settings` show: secrets are masked, but for references, which say only where a secret is. */
export function maskSettings(settings: ChannelSettings, secrets: readonly string[]): ChannelSettings {
  const masked = eachSecret(settings, secrets, (text, { name }) => ({ ok: true, text: maskOf(text, name) }));
  return masked.ok ? masked.settings : {};
}

/**
 * Puts stored secrets in the place of those that were sent back masked. `stored`: of the same kind of channel; null when there
 * is none.
 */
export function keepSecrets(
  wanted: ChannelSettings,
  stored: ChannelSettings | null,
  secrets: readonly string[],
): Changed {
  const kept: string[] = [];
  const changed = eachSecret(wanted, secrets, (text, place) => {
    if (!isMasked(text, place.name)) return { ok: true, text };
    const before = storedSecret(text, place, { wanted, stored });
    if (before === undefined) {
      return { ok: false, problem: 'is masked, and there is no such secret to keep: give the secret itself' };
    }
    // The mask of a URL says where it goes.
    if (!isUrl(place.name)) kept.push(place.field);
    return { ok: true, text: before };
  });
  if (!changed.ok || kept.length === 0 || stored === null) return changed;
  const moved = destinations.find((name) => destinationOf(changed.settings, name) !== destinationOf(stored, name));
  if (moved === undefined) return changed;
  const problem = `is masked, and ${moved} is another: give the secret itself, as it would be sent to a new place`;
  return { ok: false, field: kept[0]!, problem };
}

/** Puts what they refer to in the place of the references in secrets. */
export function resolveSettings(settings: ChannelSettings, secrets: readonly string[], lookUp: EnvLookup): Changed {
  return eachSecret(settings, secrets, (text) => resolveReferences(text, lookUp));
}

/** A place in settings by its proto names: `["headers", "x-key"]` is `headers["x-key"]`. */
export function fieldAt([name = '', key]: readonly PropertyKey[]): string {
  const field = String(name).replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return field + (key === undefined ? '' : `[${JSON.stringify(key)}]`);
}

type Place = { name: string; key: string | number | undefined; field: string };
type Edited = { ok: true; text: string } | { ok: false; problem: string };

/** Edits every secret text, of lists and maps all values. */
function eachSecret(
  settings: ChannelSettings,
  secrets: readonly string[],
  edit: (text: string, place: Place) => Edited,
): Changed {
  const changed: Record<string, unknown> = { ...settings };
  let wrong: ({ ok: false } & SettingProblem) | null = null;
  const edited = (value: unknown, name: string, key?: string | number): unknown => {
    if (typeof value !== 'string' || value === '' || wrong) return value;
    const field = fieldAt(key === undefined ? [name] : [name, key]);
    const result = edit(value, { name, key, field });
    if (result.ok) return result.text;
    wrong = { ok: false, field, problem: result.problem };
    return value;
  };
  for (const name of secrets) {
    const value = settings[name];
    if (Array.isArray(value)) changed[name] = value.map((item, index) => edited(item, name, index));
    else if (typeof value === 'object' && value !== null) {
      changed[name] = Object.fromEntries(Object.entries(value).map(([key, item]) => [key, edited(item, name, key)]));
    } else if (value !== undefined) changed[name] = edited(value, name);
  }
  return wrong ?? { ok: true, settings: changed };
}

function maskOf(text: string, name: string): string {
  if (isReference(text)) return text;
  const origin = isUrl(name) ? originOf(text) : null;
  return origin === null ? mask : `${origin}/${mask}`;
}

function isMasked(text: string, name: string): boolean {
  return text === mask || (isUrl(name) && text.endsWith(`/${mask}`));
}

/** The stored secret that a masked text stands for; undefined when there is none, or it is not clear which. */
function storedSecret(
  text: string,
  { name, key }: Place,
  { wanted, stored }: { wanted: ChannelSettings; stored: ChannelSettings | null },
): string | undefined {
  const value = stored?.[name];
  const fits = (secret: unknown): secret is string => typeof secret === 'string' && maskOf(secret, name) === text;
  if (Array.isArray(value)) {
    const candidates = value.filter(fits);
    if (new Set(candidates).size === 1) return candidates[0];
    // Several look alike: they are told apart by their place, as long as all are still there.
    const same = (wanted[name] as unknown[]).length === value.length ? value[key as number] : undefined;
    return fits(same) ? same : undefined;
  }
  const secret =
    key !== undefined && typeof value === 'object' && value !== null && Object.hasOwn(value, key)
      ? (value as Record<string, unknown>)[key]
      : key === undefined
        ? value
        : undefined;
  return fits(secret) ? secret : undefined;
}

function destinationOf(settings: ChannelSettings, name: string): string {
  const value = settings[name] ?? '';
  return (isUrl(name) ? originOf(String(value)) : null) ?? String(value);
}

function isUrl(name: string): boolean {
  return name === 'url' || name === 'urls';
}

/** Scheme, host and port of a URL; null when the text is none of http or https. */
function originOf(text: string): string | null {
  if (!URL.canParse(text)) return null;
  const { protocol, origin } = new URL(text);
  return protocol === 'http:' || protocol === 'https:' ? origin : null;
}
